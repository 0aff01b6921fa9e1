//! The policy language: one statement a line, a reason on each that opens something.

use crate::calls::{self, Call};
use crate::filter::{Condition, Operator};
use crate::{Inherited, Network, Opening, Policy, PolicyFault, SystemCalls, Uid};
use os::process::Resource;
use std::path::PathBuf;

/// The common lists.
const LISTS: [(&str, &str); 3] = [
    ("minimal", include_str!("../policies/minimal.policy")),
    ("threads", include_str!("../policies/threads.policy")),
    ("worker", include_str!("../policies/worker.policy")),
];

/// How deep lists may include lists.
const DEPTH: usize = 4;

#[derive(Default)]
struct Draft {
    uid: Option<Uid>,
    network: Option<Network>,
    fds: Vec<Inherited>,
    landlock: Option<Vec<Opening>>,
    capabilities: u64,
    limits: Vec<(Resource, u64)>,
    calls: SystemCalls,
}

type Fault = String;

pub(crate) fn policy(text: &str) -> Result<Policy, PolicyFault> {
    let mut draft = Draft::default();
    read(&mut draft, "policy", text, 0)?;
    let missing = |what: &str| PolicyFault { list: "policy", line: 0, what: what.to_owned() };
    Ok(Policy {
        uid: draft.uid.ok_or_else(|| missing("needs a line `uid workers|root|any`"))?,
        network: draft
            .network
            .ok_or_else(|| missing("needs a line `network empty|uplink|ot|none-checked`"))?,
        fds: draft.fds,
        landlock: draft
            .landlock
            .ok_or_else(|| missing("needs a line `landlock none`, or what it opens"))?,
        capabilities: draft.capabilities,
        limits: draft.limits,
        calls: draft.calls,
    })
}

fn read(
    draft: &mut Draft,
    list: &'static str,
    text: &str,
    depth: usize,
) -> Result<(), PolicyFault> {
    for (index, line) in text.lines().enumerate() {
        let at = |what| PolicyFault { list, line: index + 1, what };
        let (statement, reason) = match line.split_once('#') {
            Some((statement, reason)) => (statement, reason.trim()),
            None => (line, ""),
        };
        let words: Vec<&str> = statement.split_whitespace().collect();
        let Some((verb, rest)) = words.split_first() else { continue };
        let opens = !matches!(*verb, "include" | "uid" | "network" | "limit");
        if opens && reason.is_empty() {
            return Err(at(format!("`{verb}` needs a reason: end the line with `# why`")));
        }
        if *verb == "include" {
            let [name] = rest else { return Err(at("include takes one name".to_owned())) };
            let Some((name, text)) = LISTS.iter().find(|(known, _)| known == name) else {
                return Err(at(format!("there is no list {name}")));
            };
            if depth == DEPTH {
                return Err(at("includes are nested too deep".to_owned()));
            }
            read(draft, name, text, depth + 1)?;
        } else {
            statement_of(draft, verb, rest).map_err(at)?;
        }
    }
    Ok(())
}

fn statement_of(draft: &mut Draft, verb: &str, rest: &[&str]) -> Result<(), Fault> {
    match (verb, rest) {
        ("uid", [who]) => once(&mut draft.uid, verb, uid(who)?),
        ("network", [what]) => once(&mut draft.network, verb, network(what)?),
        ("fd", [number, name]) => inherited(draft, number, name, false),
        ("fd", [number, name, "optional"]) => inherited(draft, number, name, true),
        ("landlock", _) => landlock(draft, rest),
        ("capability", [name]) => {
            let number = calls::capability(name).ok_or(format!("no capability {name}"))?;
            draft.capabilities |= 1 << number;
            Ok(())
        }
        ("limit", [name, value]) => {
            let resource = Resource::from_name(name).ok_or(format!("no limit {name}"))?;
            let value = value.parse().map_err(|_| format!("{value} is not a number"))?;
            draft.limits.push((resource, value));
            Ok(())
        }
        ("allow", [name, conditions @ ..]) => allow(draft, name, conditions),
        ("refuse", [name, code]) => {
            let code = calls::error(code).ok_or(format!("no error code {code}"))?;
            match known(name)? {
                Call::Number(number) if !draft.calls.refuse(number, code) => {
                    Err(format!("{name} is allowed or refused already"))
                }
                Call::Number(_) | Call::Elsewhere => Ok(()),
            }
        }
        ("without", [name]) => match known(name)? {
            Call::Number(number) if !draft.calls.remove(number) => {
                Err(format!("{name} is not allowed anyway"))
            }
            Call::Number(_) | Call::Elsewhere => Ok(()),
        },
        _ => Err(format!("cannot read `{verb} {}`", rest.join(" "))),
    }
}

fn once<T>(place: &mut Option<T>, verb: &str, value: T) -> Result<(), Fault> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("{verb} is said twice")),
    }
}

fn uid(who: &str) -> Result<Uid, Fault> {
    match who {
        "workers" => Ok(Uid::Workers),
        "root" => Ok(Uid::Root),
        "any" => Ok(Uid::Any),
        _ => Err(format!("uid is workers, root or any, not {who}")),
    }
}

fn network(what: &str) -> Result<Network, Fault> {
    match what {
        "empty" => Ok(Network::Empty),
        "uplink" => Ok(Network::Uplink),
        "ot" => Ok(Network::Ot),
        "none-checked" => Ok(Network::NoneChecked),
        _ => Err(format!("network is empty, uplink, ot or none-checked, not {what}")),
    }
}

fn inherited(draft: &mut Draft, number: &str, name: &str, optional: bool) -> Result<(), Fault> {
    let number: i32 = number.parse().map_err(|_| format!("{number} is not a descriptor"))?;
    if number < 3 || draft.fds.iter().any(|known| known.number == number) {
        return Err(format!("descriptor {number} is there already"));
    }
    draft.fds.push(Inherited { number, name: name.to_owned(), optional });
    Ok(())
}

fn landlock(draft: &mut Draft, rest: &[&str]) -> Result<(), Fault> {
    let opening = match rest {
        ["none"] => return once(&mut draft.landlock, "landlock", vec![]),
        ["read", path] => Opening::Read(place(path)?),
        ["write", path] => Opening::Write(place(path)?),
        ["device", path] => Opening::Device(place(path)?),
        ["execute", path] => Opening::Execute(place(path)?),
        ["connect", number] => Opening::Connect(port(number)?),
        ["bind", number] => Opening::Bind(port(number)?),
        _ => return Err(format!("landlock cannot `{}`", rest.join(" "))),
    };
    draft.landlock.get_or_insert_default().push(opening);
    Ok(())
}

fn place(path: &str) -> Result<PathBuf, Fault> {
    if path.starts_with('/') || path.starts_with('@') {
        Ok(PathBuf::from(path))
    } else {
        Err(format!("{path} is neither absolute nor an @name"))
    }
}

fn port(number: &str) -> Result<Option<u16>, Fault> {
    match number {
        "any" => Ok(None),
        _ => number.parse().map(Some).map_err(|_| format!("{number} is not a port")),
    }
}

fn known(name: &str) -> Result<Call, Fault> {
    calls::call(name).ok_or_else(|| format!("no system call {name} in the table"))
}

fn allow(draft: &mut Draft, name: &str, words: &[&str]) -> Result<(), Fault> {
    let call = known(name)?;
    let mut conditions = Vec::new();
    if !words.is_empty() {
        for part in words.split(|word| *word == "and") {
            conditions.push(condition(part)?);
        }
    }
    match call {
        Call::Number(number) if !draft.calls.allow(number, conditions) => {
            Err(format!("{name} is refused, or allowed without this condition already"))
        }
        Call::Number(_) | Call::Elsewhere => Ok(()),
    }
}

fn condition(words: &[&str]) -> Result<Condition, Fault> {
    let number = |text: &str| calls::value(text).ok_or(format!("{text} is not a number"));
    let (argument, operator, value) = match words {
        [argument, "&", mask, "==", value] => {
            (argument, Operator::Masked(number(mask)?), number(value)?)
        }
        [argument, sign, value] => {
            let operator = match *sign {
                "==" => Operator::Equal,
                "!=" => Operator::NotEqual,
                "<" => Operator::Below,
                "<=" => Operator::AtMost,
                ">" => Operator::Above,
                ">=" => Operator::AtLeast,
                _ => return Err(format!("{sign} is not a comparison")),
            };
            (argument, operator, number(value)?)
        }
        _ => return Err(format!("cannot read the condition `{}`", words.join(" "))),
    };
    let (wide, index) = match (argument.strip_prefix("arg"), argument.strip_prefix("int")) {
        (Some(index), _) => (true, index),
        (None, Some(index)) => (false, index),
        (None, None) => return Err(format!("{argument} is neither argN nor intN")),
    };
    match index.parse() {
        Ok(argument) if argument < 6 => Ok(Condition { argument, wide, operator, value }),
        Ok(_) | Err(_) => Err(format!("a system call has arguments 0 to 5, not {index}")),
    }
}
