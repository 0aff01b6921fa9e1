//! Claims: only the drawn transitions exist; a session ends once, with its first reason.

use session::{Life, NotNow, Reason, State};

/// One step of a life.
type Step = fn(&mut Life) -> Result<(), NotNow>;
/// A step by its name.
type Event = (&'static str, Step);

const EVENTS: &[Event] = &[
    ("approve", Life::approve),
    ("connect", Life::connect),
    ("go_live", Life::go_live),
    ("pause", Life::pause),
    ("resume", Life::resume),
];

const ALLOWED: &[(State, &str, State)] = &[
    (State::Requested, "approve", State::Approved),
    (State::Approved, "connect", State::Connecting),
    (State::Connecting, "go_live", State::Live),
    (State::Live, "pause", State::Paused),
    (State::Paused, "resume", State::Live),
];

fn life_in(state: State) -> Life {
    let mut life = Life::default();
    let path: &[Step] = match state {
        State::Requested | State::Ending | State::Ended => &[],
        State::Approved => &[Life::approve],
        State::Connecting => &[Life::approve, Life::connect],
        State::Live => &[Life::approve, Life::connect, Life::go_live],
        State::Paused => &[Life::approve, Life::connect, Life::go_live, Life::pause],
    };
    for step in path {
        step(&mut life).expect("the drawn path");
    }
    if state == State::Ending {
        life.end(Reason::Idle);
    }
    if state == State::Ended {
        life.ended(Reason::Idle);
    }
    assert_eq!(life.state(), state);
    life
}

#[test]
fn every_event_in_every_state_does_what_is_drawn_and_nothing_else() {
    for &state in State::ALL {
        for (name, event) in EVENTS {
            let mut life = life_in(state);
            let drawn = ALLOWED.iter().find(|(from, event, _)| *from == state && event == name);
            match drawn {
                Some((_, _, to)) => {
                    event(&mut life).expect("drawn");
                    assert_eq!(life.state(), *to);
                }
                None => {
                    assert!(event(&mut life).is_err(), "{name} in {state:?}");
                    assert_eq!(life.state(), state, "a refused event changes nothing");
                }
            }
        }
    }
}

#[test]
fn the_first_reason_stays() {
    for &state in State::ALL {
        let mut life = life_in(state);
        life.end(Reason::Deadline);
        let first = life.reason();
        life.end(Reason::OperatorLeft);
        life.ended(Reason::PartDied);
        assert_eq!(life.reason(), first);
        assert_eq!(life.state(), State::Ended);
    }
}

#[test]
fn an_ended_session_never_lives_again() {
    let mut life = life_in(State::Ended);
    for (_, event) in EVENTS {
        assert!(event(&mut life).is_err());
    }
    assert_eq!(life.state(), State::Ended);
}

#[test]
fn codes_of_reasons_are_unique_and_found_again() {
    for &reason in Reason::ALL {
        assert_eq!(Reason::from_code(reason.code()), Some(reason));
    }
    assert_eq!(Reason::from_code("tired"), None);
}
