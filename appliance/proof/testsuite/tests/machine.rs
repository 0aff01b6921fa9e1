//! The machine's side: pinned keys, a machine that is not there, a try step by step.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use testsuite::{TheBox, err, line, out, target, words};

/// A machine that misbehaves, in the plant's namespace. It ends with this value.
struct Fake(Child);

impl Fake {
    fn start(manner: &str, address: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_fake-machine");
        let mut ip = Command::new("ip");
        ip.args(["netns", "exec", "dinlock-plant", program, manner, address]).stdout(Stdio::piped());
        let mut child = ip.spawn().expect("ip runs");
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "listening\n", "{manner}");
        Self(child)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Manner of a bad machine, the step at which it shows, and a word of the cause.
const BAD: [(&str, &str, &str); 6] = [
    ("hang", "key exchange: ", "within 15 s"),
    ("close-after-version", "key exchange: ", "closed the connection"),
    ("close-after-kexinit", "key exchange: ", "closed the connection"),
    ("huge-packet", "key exchange: ", "packet"),
    ("endless-lines", "key exchange: ", "did not answer as an SSH server"),
    // Not a fake one: the real server, of which another key is pinned.
    ("changed-key", "host key: ", "SHA256:"),
];

#[test]
fn an_unknown_host_key_is_refused_with_its_fingerprint_until_an_admin_trusts_it() {
    let the_box = TheBox::start();
    the_box.change(|plant| plant.replace(&line(plant, "host_keys"), ""));
    let refused = the_box.vera("id");
    assert_eq!(refused.status.code(), Some(255));
    assert!(err(&refused).contains("SHA256:"), "{}", err(&refused));
    assert_eq!(the_box.audited("target.host_key_refused").len(), 1);
    let test = the_box.dinlock(&["target", "test", "plc-gw"]);
    assert!(!test.status.success());
    assert!(out(&test).contains("host key: failed") && out(&test).contains("dinlock target trust"), "{}", out(&test));

    let key = std::fs::read_to_string(the_box.state().join("plant/host_key.pub")).unwrap();
    let trusted = the_box.dinlock(&["target", "trust", "plc-gw", key.trim()]);
    assert!(trusted.status.success(), "{}", err(&trusted));
    assert_eq!(out(&the_box.vera("echo in")), "in\n");
    let test = the_box.dinlock(&["target", "test", "plc-gw"]);
    assert!(test.status.success() && out(&test).contains("login: ok"), "{}{}", out(&test), err(&test));
}

#[test]
fn a_machine_where_nothing_listens_and_a_wrong_secret_each_name_their_step() {
    let the_box = TheBox::start();
    the_box.change(|plant| plant.replace("port = 22\n", "port = 4\n"));
    let nobody = the_box.vera("id");
    assert_eq!(nobody.status.code(), Some(255));
    assert!(err(&nobody).contains("reach") && err(&nobody).contains("nothing listens"), "{}", err(&nobody));
    the_box.change(|plant| plant.replace("port = 4\n", "port = 22\n"));

    let wrong = the_box.state().join("people/otto");
    assert!(the_box.dinlock(&["secret", "set", "plc-gw-maint", "--file", wrong.to_str().unwrap()]).status.success());
    let refused = the_box.vera("id");
    assert_eq!(refused.status.code(), Some(255));
    assert!(err(&refused).contains("login"), "{}", err(&refused));
}

#[test]
fn a_wrong_plant_file_changes_nothing_and_says_where() {
    let the_box = TheBox::start();
    let before = out(&the_box.dinlock(&["export"]));
    let file = the_box.state().join("wrong.toml");
    std::fs::write(&file, before.replace("longest = \"8h\"", "longest = \"8 hours\"")).unwrap();
    let refused = the_box.dinlock(&["apply", file.to_str().unwrap()]);
    assert!(!refused.status.success());
    assert!(err(&refused).contains("conduit.longest"), "{}", err(&refused));
    assert_eq!(out(&the_box.dinlock(&["export"])), before);
}

#[test]
fn each_bad_machine_gives_its_operator_one_clear_line_and_tells_others_nothing() {
    let the_box = TheBox::start();
    let mut fakes = Vec::new();
    let mut targets = String::new();
    let plant = the_box.plant();
    let pinned = line(&plant, "host_keys");
    let other = std::fs::read_to_string(the_box.state().join("people/otto.pub")).unwrap();
    for (number, (manner, _, _)) in (2001..).zip(BAD) {
        if manner == "changed-key" {
            targets += &target(manner, 22, &format!("host_keys = [\"{}\"]", other.trim()));
        } else {
            fakes.push(Fake::start(manner, &format!("10.99.2.10:{number}")));
            targets += &target(manner, number, &pinned);
        }
    }
    // Nora may reach the good machine only.
    let key = the_box.state().join("people/nora");
    assert!(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap().success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let nora = format!("\n[[person]]\nid = \"nora\"\nname = \"Nora\"\nlogin = \"key\"\nkeys = [\"{}\"]\n", public.trim());
    let names: Vec<String> = BAD.iter().map(|(manner, _, _)| format!("\"{manner}\"")).collect();
    let conduits = format!(
        "\n[[conduit]]\nid = \"bad\"\npeople = [\"vera\"]\ntargets = [{}]\n\n[[conduit]]\nid = \"good\"\npeople = [\"nora\"]\ntargets = [\"plc-gw\"]\n",
        names.join(", ")
    );
    let applied = the_box.apply(&(plant + &targets + &nora + &conduits));
    assert!(applied.status.success(), "{}", err(&applied));

    let ask = |user: String| the_box.ssh(&[], &user).arg("id").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let asked: Vec<_> = BAD.iter().map(|bad| (bad, ask(format!("vera+{}", bad.0)))).collect();
    for ((manner, step, cause), ssh) in asked {
        let refused = ssh.wait_with_output().unwrap();
        assert_eq!((refused.status.code(), out(&refused).as_str()), (Some(255), ""), "{manner}");
        let said = words(&refused);
        let [one] = said.as_slice() else { panic!("{manner}: not one line: {said:?}") };
        assert!(one.starts_with(&format!("dinlock: {step}")) && one.contains(cause) && one.contains("; "), "{manner}: {one}");
        assert!(!one.contains("10.99.2"), "an operator needs no address: {one}");
        let of_it: Vec<_> = the_box.audited("session.ended").into_iter().filter(|row| row["target"] == *manner).collect();
        assert_eq!(of_it.len(), 1, "{manner}: audited once");
        assert!(of_it[0]["detail"].as_str().unwrap().starts_with(&format!("not_connected: {step}")), "{of_it:?}");
    }
    assert_eq!(the_box.audited("target.host_key_refused").len(), 1);

    // Who may not know a target hears what is said of one that does not exist, and nothing is dialled.
    let words_for = |target: &str| words(&ask(format!("nora+{target}")).wait_with_output().unwrap());
    let unknown = words_for("no-such-machine");
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    for (manner, _, _) in BAD {
        assert_eq!(words_for(manner), unknown, "{manner}");
    }
    let granted = the_box.audited("session.granted");
    assert!(granted.iter().all(|row| row["person"] == "vera") && granted.len() == BAD.len(), "{granted:?}");
    assert_eq!(out(&the_box.ssh(&[], "nora+plc-gw").args(["echo", "in"]).output().unwrap()), "in\n", "the negative");
}
