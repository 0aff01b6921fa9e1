//! Claims: what is written is read back the same, for the demo's plant and for any good plant.

use codec::{List, Text};
use model::{
    Account, AccountId, BoxFacts, Conduit, ConduitId, ConsoleRules, Cutoff, Destination, DrillTime, InputRecord, Kind,
    Language, Limits, Login, Person, PersonId, Plant, PowerLoss, Rearm, RecordingRules, RoleId, SecretId, SecretKind,
    StreamRecord, Target, TargetId, Window,
};
use plantfile::{parse, render};
use std::net::IpAddr;

const DEMO: &str = include_str!("plants/demo.toml");
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ000000000000000000000000000000000000000000 a b";

#[test]
fn the_demo_reads_as_it_says_and_comes_back_the_same() {
    let plant = parse("demo.toml", DEMO).unwrap();
    assert_eq!(parse("again.toml", &render(&plant)).unwrap(), plant);
    assert_eq!(codec::decode::<Plant>(&codec::encode(&plant)).unwrap(), plant);

    let logins: Vec<_> = plant.people.iter().map(|p| (p.id.as_str(), p.login, p.admin)).collect();
    assert_eq!(logins, [("vera", Login::Key, false), ("otto", Login::KeyTotp, false), ("anna", Login::KeyTotp, true)]);
    let targets: Vec<_> = plant.targets.iter().map(|t| (t.id.as_str(), t.address.to_string(), t.port)).collect();
    assert_eq!(targets, [("plc-gw", "10.99.2.10".to_owned(), 22), ("hidden", "10.99.2.20".to_owned(), 22)]);
    let drill = Some(DrillTime { day: 6, minute: 210 });
    assert_eq!(plant.cutoff, Cutoff { rearm: Rearm::Either, power_loss: PowerLoss::Hold, drill });
    let hidden = TargetId::parse("hidden").unwrap();
    let maint = AccountId::parse("maint").unwrap();
    assert!(!plant.conduits.iter().any(|c| c.leads_to(&hidden, &maint)), "nobody may reach it");
    let windows: Vec<_> = plant.conduits[0].windows.iter().map(|w| (w.days, w.from_minute, w.to_minute)).collect();
    assert_eq!(windows, [(0b1_1111, 360, 1200), (0b110_0000, 480, 720)]);
}

struct Seed(u64);

impl Seed {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn number<T: TryFrom<u64>>(&mut self, end: u64) -> T {
        T::try_from(self.below(end)).ok().unwrap()
    }

    /// Text with everything that TOML has to quote.
    fn text<const N: usize>(&mut self) -> Text<N> {
        let odd = ['"', '\'', '\\', '\n', '\r', '\t', '\0', '\u{7f}', '#', '=', ']', 'é', '😀', ' ', 'a', '\u{85}', '\u{feff}'];
        let length = self.below(12);
        Text::cut((0..length).map(|_| odd[self.number::<usize>(odd.len() as u64)]).collect::<String>())
    }

    fn list<T, const N: usize>(&mut self, from: &[T]) -> List<T, N>
    where
        T: Clone,
    {
        List::new(from.iter().filter(|_| self.below(2) == 0).cloned().collect::<Vec<_>>()).unwrap()
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.number::<usize>(of.len() as u64)].clone()
    }
}

fn person(seed: &mut Seed, number: u32) -> Person {
    let roles = ["vendor", "operator", "lead"].map(|r| RoleId::parse(r).unwrap());
    Person {
        id: PersonId::parse(&format!("p{number}")).unwrap(),
        name: seed.text(),
        employer: seed.text(),
        telephone: seed.text(),
        roles: seed.list(&roles),
        login: seed.one(&[Login::Key, Login::KeyTotp, Login::PasswordTotp]),
        keys: seed.list(&[Text::new(KEY).unwrap()]),
        admin: seed.below(2) == 0,
        local_uid: seed.one(&[None, Some(number), Some(u32::MAX - number)]),
        console: number == 0 || seed.below(2) == 0,
    }
}

fn target(seed: &mut Seed, number: u32) -> Target {
    let account = |seed: &mut Seed, id: &str| Account {
        id: AccountId::parse(id).unwrap(),
        user: Text::cut(format!("u{}", seed.text::<60>())),
        secret: SecretId::parse("s").unwrap(),
        secret_kind: seed.one(&[SecretKind::Password, SecretKind::Key]),
    };
    Target {
        id: TargetId::parse(&format!("t{number}")).unwrap(),
        kind: Kind::Ssh,
        address: seed.one(&["10.99.2.10".parse::<IpAddr>().unwrap(), "fd99::1".parse().unwrap()]),
        port: 1 + seed.number::<u16>(65_535),
        host_keys: seed.list(&[Text::new(KEY).unwrap()]),
        legacy_algorithms: List::new((0..seed.below(3)).map(|_| seed.text()).collect::<Vec<_>>()).unwrap(),
        accounts: List::new(vec![account(seed, "a"), account(seed, "b")]).unwrap(),
    }
}

fn conduit(seed: &mut Seed, number: u32, people: &[Person], targets: &[Target]) -> Conduit {
    let roles = ["vendor", "operator", "lead"].map(|r| RoleId::parse(r).unwrap());
    let ids: Vec<PersonId> = people.iter().map(|p| p.id.clone()).collect();
    let whole = |t: &Target| Destination { target: t.id.clone(), account: None };
    let part = |t: &Target| Destination { target: t.id.clone(), account: Some(t.accounts[1].id.clone()) };
    let to: Vec<Destination> = targets.iter().flat_map(|t| [whole(t), part(t)]).collect();
    let window = |seed: &mut Seed| Window { days: 1 + seed.number::<u8>(127), from_minute: seed.number(1440), to_minute: seed.number(1441) };
    Conduit {
        id: ConduitId::parse(&format!("c{number}")).unwrap(),
        people: seed.list(&ids),
        roles: seed.list(&roles),
        targets: seed.list(&to),
        windows: List::new((0..seed.below(3)).map(|_| window(seed)).collect::<Vec<_>>()).unwrap(),
        longest_s: 60 + seed.number::<u32>(86_341),
        idle_s: seed.number(u64::from(u32::MAX)),
        approvals: seed.number(3),
        approvers: seed.list(&roles),
        input: seed.one(&[InputRecord::All, InputRecord::None, InputRecord::Echoed]),
        streams: seed.one(&[StreamRecord::Content, StreamRecord::LengthAndHash]),
        recorder_grace_s: seed.number(100_000),
        reconnect_grace_s: seed.number(100_000),
        presence: !people.is_empty() && seed.below(2) == 0,
    }
}

fn plant(seed: &mut Seed) -> Plant {
    let people: Vec<Person> = (0..seed.number(4)).map(|n| person(seed, n)).collect();
    let targets: Vec<Target> = (0..seed.number(3)).map(|n| target(seed, n)).collect();
    let conduits: Vec<Conduit> = (0..seed.number(3)).map(|n| conduit(seed, n, &people, &targets)).collect();
    Plant {
        box_facts: BoxFacts { name: Text::cut("box_1"), banner: seed.text(), zone_time: Text::cut("Etc/GMT+5") },
        people: List::new(people).unwrap(),
        targets: List::new(targets).unwrap(),
        conduits: List::new(conduits).unwrap(),
        recording: RecordingRules {
            auditors: List::new(vec![Text::cut("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p")]).unwrap(),
            refuse_below_mb: seed.below(1 << 20),
            warn_below_mb: (1 << 30) + seed.below(1 << 30),
            live_key_s: seed.number(u64::from(u32::MAX)),
        },
        limits: Limits { tries_before_lockout: 1 + seed.number::<u8>(100), lockout_s: seed.number(u64::from(u32::MAX)) },
        console: ConsoleRules { language: seed.one(&[Language::English, Language::German]), lock_after_s: 10 + seed.number::<u32>(3_591) },
        cutoff: Cutoff {
            rearm: [Rearm::Person, Rearm::PinAndContact, Rearm::Either][seed.number::<usize>(3)],
            power_loss: [PowerLoss::Arm, PowerLoss::Hold][seed.number::<usize>(2)],
            drill: (seed.below(2) == 0).then(|| DrillTime { day: seed.number(8), minute: seed.number(1450) }),
        },
    }
}

#[test]
fn every_plant_that_passes_its_check_is_read_back_the_same_and_no_other_is_read() {
    let (mut good, mut bad) = (0, 0);
    for number in 0..4_000 {
        let plant = plant(&mut Seed(number));
        let text = render(&plant);
        match (plant.check(), parse("plant.toml", &text)) {
            (Ok(()), Ok(read)) => {
                assert_eq!(read, plant, "seed {number}:\n{text}");
                good += 1;
            }
            (Err(_), Err(_)) => bad += 1,
            (checked, read) => panic!("seed {number}: the check says {checked:?}, the file {read:?}:\n{text}"),
        }
    }
    assert!(good > 500 && bad > 500, "both must be met: {good} good, {bad} bad");
}

#[test]
fn a_recipient_that_spells_secret_by_chance_comes_back() {
    let mut plant = parse("demo.toml", DEMO).unwrap();
    plant.recording.auditors = List::new(vec![Text::cut("age1secretqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq0q2wdq")]).unwrap();
    plant.check().unwrap();
    assert_eq!(parse("again.toml", &render(&plant)).unwrap(), plant);
}
