//! The policy file reads, and names what the process takes.

use jail::Policy;

#[test]
fn the_policy_reads_and_names_its_sockets_and_the_lifeline() {
    let policy = Policy::parse(include_str!("../sandbox.policy")).expect("the policy is well formed");
    let named: Vec<(i32, &str)> = policy.fds.iter().map(|fd| (fd.number, fd.name.as_str())).collect();
    assert_eq!(named, [(3, "control"), (4, "front"), (5, "back"), (6, "record"), (7, "lifeline")]);
    assert_eq!(policy.capabilities, 0);
}
