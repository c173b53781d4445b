//! The platform is asked for in one place a concern: elsewhere code is the same everywhere.

use super::facts::CfgPlace;
use super::source::Source;
use super::{Finding, Rule};

/// The platform folders, and the files that choose among what is in them.
const INSIDE: [&str; 6] = [
    "coro/src/arch",
    "coro/src/os",
    "driver/src/backend",
    "system/src/os",
    "runtime/src/os.rs",
    "runtime/src/os/",
];

pub fn check(source: &Source, findings: &mut Vec<Finding>) {
    if INSIDE.iter().any(|inside| source.path.starts_with(inside)) {
        return;
    }
    for cfg in &source.facts.cfgs {
        let free = match cfg.place {
            CfgPlace::ModLine => true,
            // A whole test or example may be about one system.
            CfgPlace::File => !source.is_in_src(),
            CfgPlace::Elsewhere => false,
        };
        if !free {
            let message = format!(
                "`{}` is asked outside the platform folders: move this behind one of them",
                cfg.asked
            );
            findings.push(source.finding(cfg.line, Rule::CfgFence, message));
        }
    }
}
