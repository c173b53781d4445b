//! Which functions an operation's instructions are spent in.
//!
//! Only a function's own instructions, with what the compiler has inlined into it: what its callees take on top is not to be
//! had, since callgrind's idea of the call stack doesn't survive a switch to another stack.

use std::collections::BTreeMap;

use super::callgrind::Counted;

/// Functions below this many instructions per operation are summed up.
const LEAST: f64 = 0.5;

pub fn print(counted: &Counted) {
    let operations = counted.operations as f64;
    let mut functions: Vec<_> = functions(&counted.text).into_iter().collect();
    functions.sort_by_key(|(_, costs)| std::cmp::Reverse(costs.instructions));
    println!("\ninstructions     calls  per operation");
    let mut rest = 0.0;
    for (name, costs) in functions {
        let instructions = costs.instructions as f64 / operations;
        if instructions < LEAST {
            rest += instructions;
            continue;
        }
        println!("{instructions:>12.1}{:>10.2}  {name}", costs.calls as f64 / operations);
    }
    println!("{rest:>12.1}{:>10}  in others", "");
    println!("{:>12.1}{:>10}  altogether", counted.per_operation(), "");
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Costs {
    /// The function's own.
    instructions: u64,
    calls: u64,
}

/// The costs of each function in callgrind's format: `fn=` begins a function, `calls=` a call of `cfn=` whose inclusive
/// cost is in the next line, and every other line that begins with a position has a cost of the function itself.
fn functions(text: &str) -> BTreeMap<String, Costs> {
    let mut names = BTreeMap::new();
    let mut functions: BTreeMap<String, Costs> = BTreeMap::new();
    let (mut function, mut callee, mut is_inclusive) = (String::new(), String::new(), false);
    for line in text.lines() {
        match line.split_once('=') {
            Some(("fn", name)) => function = resolve(&mut names, name),
            Some(("cfn", name)) => callee = resolve(&mut names, name),
            Some(("calls", rest)) => {
                let calls = rest.split(' ').next().and_then(|calls| calls.parse().ok());
                functions.entry(callee.clone()).or_default().calls += calls.unwrap_or(0);
                is_inclusive = true;
            }
            Some(_) => {}
            None => {
                if let Some(cost) = cost(line).filter(|_| !std::mem::take(&mut is_inclusive)) {
                    functions.entry(function.clone()).or_default().instructions += cost;
                }
            }
        }
    }
    functions
}

/// `(7) name` defines what `(7)` stands for from then on. A `'2` at the end of a name marks a recursion, which a switch
/// looks like too: it is the same function.
fn resolve(names: &mut BTreeMap<String, String>, text: &str) -> String {
    let (number, name) = text.split_once(' ').unwrap_or((text, ""));
    if !name.is_empty() {
        let name =
            name.trim_end_matches(|last: char| last.is_ascii_digit()).strip_suffix('\'').unwrap_or(name);
        names.insert(number.to_owned(), name.to_owned());
    }
    names.get(number).cloned().unwrap_or_else(|| text.to_owned())
}

/// The cost in `+3 12`: a position, which may be relative or repeated, and a number of instructions.
fn cost(line: &str) -> Option<u64> {
    let (position, cost) = line.split_once(' ')?;
    let is_position = position.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first));
    if is_position { cost.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
events: Ir
summary: 47

fl=(1) a.rs
fn=(1) spawn
16 10
+2 3
cfi=(2) b.rs
cfn=(2) push
calls=4 20
* 30
fi=(3) inlined.rs
7 1

fl=(2)
fn=(2)
20 30
fn=(3) spawn'2
-4 3
cfn=(2)
calls=1 20
+1 8
totals: 47
";

    #[test]
    fn own_costs_are_summed_and_inclusive_ones_left_out() {
        let functions = functions(TEXT);
        assert_eq!(functions["spawn"], Costs { instructions: 17, calls: 0 });
        assert_eq!(functions["push"], Costs { instructions: 30, calls: 5 });
        assert_eq!(functions.len(), 2, "{functions:?}");
    }
}
