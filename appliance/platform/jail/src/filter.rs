//! System calls: what is allowed, and the programs for the kernel.

use crate::JailError;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};
use std::collections::{BTreeMap, BTreeSet};

/// One comparison of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) argument: u8,
    /// All 64 bits, or the low 32.
    pub(crate) wide: bool,
    pub(crate) operator: Operator,
    pub(crate) value: u64,
}

/// How it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Below,
    AtMost,
    Above,
    AtLeast,
    /// Under this mask, equal.
    Masked(u64),
}

/// The allowed system calls of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemCalls {
    /// Number to alternatives; no alternative means unconditionally.
    allowed: BTreeMap<i64, Vec<Vec<Condition>>>,
    /// Error code to the calls that answer it.
    refused: BTreeMap<u32, BTreeSet<i64>>,
}

impl SystemCalls {
    /// How many calls are allowed in some form.
    #[must_use]
    pub fn len(&self) -> usize {
        self.allowed.len()
    }

    /// Whether nothing is allowed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.allowed.is_empty()
    }

    fn is_refused(&self, number: i64) -> bool {
        self.refused.values().any(|numbers| numbers.contains(&number))
    }

    /// Adds an alternative. False if it would change nothing, or contradicts a refusal.
    pub(crate) fn allow(&mut self, number: i64, conditions: Vec<Condition>) -> bool {
        if self.is_refused(number) {
            return false;
        }
        match self.allowed.get_mut(&number) {
            Some(known) if known.is_empty() => conditions.is_empty(),
            Some(known) if conditions.is_empty() => {
                known.clear();
                true
            }
            Some(known) => {
                known.push(conditions);
                true
            }
            None => {
                let alternatives = if conditions.is_empty() { vec![] } else { vec![conditions] };
                self.allowed.insert(number, alternatives);
                true
            }
        }
    }

    /// Answers `number` with `code`. False if it is allowed or refused already.
    pub(crate) fn refuse(&mut self, number: i64, code: u32) -> bool {
        if self.allowed.contains_key(&number) || self.is_refused(number) {
            return false;
        }
        self.refused.entry(code).or_default().insert(number)
    }

    /// Takes back. False if it was not there.
    pub(crate) fn remove(&mut self, number: i64) -> bool {
        let refused = self.refused.values_mut().any(|numbers| numbers.remove(&number));
        self.allowed.remove(&number).is_some() || refused
    }

    /// The programs, in the order of their application. The kernel takes the strictest answer of
    /// all programs, so a refused call passes the last one and is answered by its own.
    pub(crate) fn compile(&self) -> Result<Vec<BpfProgram>, JailError> {
        let fault = |error: seccompiler::BackendError| JailError::Filter(error.to_string());
        let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(fault)?;
        let mut programs = Vec::new();
        let mut allowed = BTreeMap::new();
        for (code, numbers) in &self.refused {
            let rules = numbers.iter().map(|number| (*number, vec![])).collect();
            let answer = SeccompAction::Errno(*code);
            let filter = SeccompFilter::new(rules, SeccompAction::Allow, answer, arch);
            programs.push(filter.and_then(BpfProgram::try_from).map_err(fault)?);
            allowed.extend(numbers.iter().map(|number| (*number, vec![])));
        }
        for (number, alternatives) in &self.allowed {
            let rules: Result<Vec<_>, _> = alternatives.iter().map(|all| rule(all)).collect();
            allowed.insert(*number, rules.map_err(fault)?);
        }
        let (kill, allow) = (SeccompAction::KillProcess, SeccompAction::Allow);
        let filter = SeccompFilter::new(allowed, kill, allow, arch);
        programs.push(filter.and_then(BpfProgram::try_from).map_err(fault)?);
        Ok(programs)
    }
}

fn rule(conditions: &[Condition]) -> Result<SeccompRule, seccompiler::BackendError> {
    let all: Result<Vec<_>, _> = conditions
        .iter()
        .map(|one| {
            let width =
                if one.wide { SeccompCmpArgLen::Qword } else { SeccompCmpArgLen::Dword };
            let operator = match one.operator {
                Operator::Equal => SeccompCmpOp::Eq,
                Operator::NotEqual => SeccompCmpOp::Ne,
                Operator::Below => SeccompCmpOp::Lt,
                Operator::AtMost => SeccompCmpOp::Le,
                Operator::Above => SeccompCmpOp::Gt,
                Operator::AtLeast => SeccompCmpOp::Ge,
                Operator::Masked(mask) => SeccompCmpOp::MaskedEq(mask),
            };
            SeccompCondition::new(one.argument, width, operator, one.value)
        })
        .collect();
    SeccompRule::new(all?)
}
