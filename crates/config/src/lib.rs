//! From the text of a config to a typed team.
//!
//! The way of a config: a [`SourceText`] is parsed into a tree in which every key has its place
//! (`parse`); the table of options ([`fields`]) checks the tree and names what is wrong, unknown
//! or not acted upon; references are replaced; and what remains is read into a [`TeamConfig`].
//! Nothing stops at the first problem: [`load`] reports all of them as [`Diagnostics`].
//!
//! Functions here do no I/O but for [`Environment::of_process`]. What they need to know of the
//! surroundings is an [`Environment`]; where files matter, the caller passes a function that looks.

mod check;
mod diagnostic;
mod dotenv;
mod environment;
mod expand;
pub mod fields;
mod keys;
mod load;
mod locate;
mod node;
mod parse;
mod question;
mod read;
mod relocate;
mod rules;
mod schema;
mod secret;
mod single;
mod source;
mod suggest;
mod team;
mod words;
mod write;

pub use diagnostic::{Colour, Diagnostic, Diagnostics, Severity};
pub use environment::Environment;
pub use keys::KeySource;
pub use load::{Loaded, load};
pub use locate::{Example, LocateError, Located, find_config, find_default_config, find_example};
pub use question::{MissingReferences, Question, ReferencedPath, parse_question};
pub use relocate::InstanceSuffix;
pub use schema::json_schema;
pub use secret::{Params, Secret, Text, Written};
pub use single::SingleError;
pub use source::{Format, SOURCE_BYTES_MAX, SourceError, SourceText, Span};
pub use team::{
    AgentConfig, Apply, AutomationDefault, BackendConfig, BudgetConfig, BudgetLimits, ByteCount, CommandConfig,
    CommandLimits, CommandMode, ContextPath, CoordinationConfig, CredentialMount, CustomToolConfig, DisplayType,
    DockerConfig, DockerCredentials, DockerMount, DockerNetwork, DockerPackages, DriftConflictPolicy, FallbackConfig,
    FilesConfig, McpCommand, McpEndpoint, McpOAuth, McpProgram, McpSecurity, McpServerConfig, McpSharing, McpTransport,
    MediaChoice, MediaConfig, MediaKindConfig, OrchestratorConfig, Permission, PermissionAction, PermissionConfig,
    PermissionRole, PermissionRule, PermissionRules, ResolvedContextPath, SandboxConfig, TeamConfig, TimeoutConfig,
    ToolsConfig, UiConfig, Verification, WriteMode,
};
