//! Claim: with messages that were built beforehand, asking and reading allocate nothing, whether the kernel
//! does it, refuses it or is not understood. Needs root.

use allocation_counter::measure;
use netlink::filter::{self, Batch, Chain, Hook};
use netlink::{ANSWER_BYTES, Family, Fault, Socket, link};

#[test]
fn asking_and_reading_allocate_nothing() {
    os::netns::enter_new().expect("the tests run as root");
    let routes = Socket::open(Family::Route).expect("a socket");
    let filters = Socket::open(Family::Netfilter).expect("a socket");
    let chain = Chain { name: filter::CUT_OUT.to_owned(), hook: Hook::Output, priority: -400, drop: true };
    let mut buffer = [0; ANSWER_BYTES];
    filters.ask(&Batch::new().table().chain(&chain).end(), &mut buffer).expect("a table");
    let requests = [
        (&routes, link::set(link::LO, true)),
        (&routes, link::get(link::LO)),
        (&routes, link::get(77)),
        (&routes, link::list()),
        (&filters, filter::set_policy(filter::CUT_OUT, false)),
        (&filters, filter::get_chain(filter::CUT_OUT)),
        (&filters, filter::get_chain("nowhere")),
        (&filters, b"nonsense".to_vec()),
    ];
    let mut seen = [(Ok(0), None, None); 8];
    let took = measure(|| {
        for ((socket, request), seen) in requests.iter().zip(&mut seen) {
            let length = socket.ask(request, &mut buffer);
            let answer = buffer.get(..length.unwrap_or(0)).unwrap_or_default();
            *seen = (length, link::is_up(answer), filter::drops(answer));
        }
    });
    assert_eq!(took.count_total, 0);
    // All of it was really done.
    assert_eq!(seen.map(|(_, up, _)| up), [None, Some(true), None, Some(true), None, None, None, None]);
    assert_eq!(seen.map(|(_, _, drops)| drops), [None, None, None, None, None, Some(false), None, None]);
    let faults = seen.map(|(length, _, _)| length.err());
    assert_eq!(faults, [None, None, Some(Fault::NO_DEVICE), None, None, None, Some(Fault::Os(2)), Some(Fault::Malformed)]);
    // The counter counts.
    assert!(measure(|| drop(std::hint::black_box(link::list()))).count_total > 0);
}
