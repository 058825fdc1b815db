//! Visits every state that a small team can get into, by every order of events.

use std::collections::HashMap;

use massgen_coordination::Input;

use crate::world::{Breach, World};

/// What an exploration found.
#[derive(Debug, Default)]
pub(crate) struct Explored {
    pub(crate) states: u64,
    pub(crate) transitions: u64,
    pub(crate) ends: u64,
    /// The most events that any run can take.
    pub(crate) longest_run: u32,
}

/// The shortest story of how a law was broken that the search came upon.
#[derive(Debug)]
pub(crate) struct Counterexample {
    pub(crate) breach: Breach,
    pub(crate) trace: Vec<Input>,
}

enum Mark {
    /// On the path from the start to here: coming back to it would be a run without end.
    OnPath,
    /// Done, with the most events from here to an end.
    Done(u32),
}

/// Explores everything that can follow from `start`. Every run ends when no state can come back to
/// itself and every state without a successor is an end.
pub(crate) fn explore(start: &World) -> Result<Explored, Counterexample> {
    let mut search = Search { marks: HashMap::new(), path: Vec::new(), found: Explored::default() };
    let longest_run = search.visit(start).map_err(|breach| Counterexample { breach, trace: search.path.clone() })?;
    Ok(Explored { longest_run, states: search.marks.len() as u64, ..search.found })
}

struct Search {
    marks: HashMap<u64, Mark>,
    path: Vec<Input>,
    found: Explored,
}

impl Search {
    fn visit(&mut self, world: &World) -> Result<u32, Breach> {
        let fingerprint = world.fingerprint();
        match self.marks.get(&fingerprint) {
            Some(Mark::Done(longest)) => return Ok(*longest),
            Some(Mark::OnPath) => return Err(Breach("the run comes back to where it was: it need not end".to_owned())),
            None => {}
        }
        self.marks.insert(fingerprint, Mark::OnPath);
        let inputs = world.possible();
        self.found.ends += u64::from(world.ended);
        let mut longest = 0;
        for input in inputs {
            self.found.transitions += 1;
            self.path.push(input.clone());
            let mut next = world.clone();
            next.happen(input)?;
            longest = longest.max(1 + self.visit(&next)?);
            self.path.pop();
        }
        self.marks.insert(fingerprint, Mark::Done(longest));
        Ok(longest)
    }
}
