//! What a run may spend.

/// Limits of a run, of each agent and of each turn.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BudgetConfig {
    /// Of the whole run.
    pub run: BudgetLimits,
    /// Of each agent. Its time is not limited.
    pub agent: BudgetLimits,
    /// Of each turn of an agent.
    pub turn: BudgetLimits,
}

/// Limits; what is `None` is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BudgetLimits {
    /// US dollars.
    pub usd: Option<f64>,
    /// Tokens, in and out.
    pub tokens: Option<u32>,
    /// Model calls.
    pub calls: Option<u32>,
    /// Time, in seconds.
    pub seconds: Option<f64>,
}
