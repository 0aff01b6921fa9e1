//! The echo matcher: a script of typing, output and time.

use stream::echo::{EchoWatch, Verdict};

/// What happened, so far.
struct Watched {
    watch: EchoWatch,
    typed: Vec<(u64, u8)>,
    /// How many of the typed bytes have their verdict.
    judged: usize,
    /// Of each byte: how often the machine sent it, and how often it was called echoed.
    sent: [usize; 256],
    echoed: [usize; 256],
}

impl Watched {
    /// Each verdict is on the next typed bytes, and says truly when and what they were.
    fn judge(&mut self, verdicts: Vec<Verdict>) {
        for verdict in verdicts {
            let (at, count) = match &verdict {
                Verdict::Hidden { at_us, len } => (*at_us, *len),
                Verdict::Echoed { at_us, bytes } => (*at_us, bytes.len()),
            };
            let these = self.typed.get(self.judged..self.judged + count).expect("no verdict on what was not typed");
            assert!(count > 0 && these[0].0 == at, "a verdict is of another time");
            if let Verdict::Echoed { bytes, .. } = verdict {
                assert!(these.iter().map(|(_, byte)| byte).eq(&bytes), "what was not typed is called echoed");
                bytes.iter().for_each(|&byte| self.echoed[usize::from(byte)] += 1);
            }
            self.judged += count;
        }
    }
}

/// Every typed byte gets one verdict, in order; no text is called echoed that the machine did not send;
/// there is always something to wait for, or nothing to do.
///
/// # Panics
/// If one of them does not hold.
pub fn holds(script: &[u8]) {
    let watch = EchoWatch::new();
    let mut seen = Watched { watch, typed: Vec::new(), judged: 0, sent: [0; 256], echoed: [0; 256] };
    let (mut now, mut rest) = (0_u64, script);
    while let Some((&[op, dt], tail)) = rest.split_first_chunk::<2>() {
        now += u64::from(dt) * 10_000;
        let (bytes, tail) = tail.split_at(usize::from(op >> 2).min(tail.len()));
        rest = tail;
        match op & 3 {
            0 => {
                seen.watch.typed(now, bytes);
                seen.typed.extend(bytes.iter().map(|&byte| (now, byte)));
            }
            1 | 2 => {
                seen.watch.output(now, bytes);
                bytes.iter().for_each(|&byte| seen.sent[usize::from(byte)] += 1);
            }
            _ => {
                let verdicts = seen.watch.due(now);
                seen.judge(verdicts);
                assert!(seen.watch.next_due().is_none_or(|due| due > now), "what is due is not said");
            }
        }
    }
    let verdicts = seen.watch.end();
    seen.judge(verdicts);
    assert!(seen.judged == seen.typed.len() && seen.watch.next_due().is_none(), "a typed byte has no verdict");
    // Keys that send sequences need no echo of their own; plain text does.
    if !seen.typed.iter().any(|(_, byte)| *byte == 0x1b) {
        for byte in (0x20..0x7f).chain(0x80..=0xff) {
            assert!(seen.echoed[byte] <= seen.sent[byte], "text is called echoed that was not shown: {byte:#x}");
        }
    }
}

/// Scripts of logins, typing with and without echo, keys, and waits.
pub fn seeds() -> Vec<Vec<u8>> {
    let step = |op: u8, dt: u8, bytes: &[u8]| [&[op | (bytes.len() as u8) << 2, dt], bytes].concat();
    let word = |text: &[u8]| text.iter().flat_map(|&c| [step(0, 1, &[c]), step(1, 1, &[c])].concat()).collect();
    let typed: Vec<u8> = word(b"ls -l\r");
    vec![
        [typed.clone(), step(1, 1, b"\r\ntotal 0\r\n"), step(3, 200, b"")].concat(),
        [step(1, 1, b"Password: "), step(0, 1, b"hunter2\r"), step(1, 9, b"\r\nWelcome"), step(3, 1, b"")].concat(),
        [step(0, 0, b"\x1b[A\x1bOP\t\x03"), step(1, 1, b"\x1b[2K$ ls"), step(3, 0, b""), typed].concat(),
        [step(0, 0, b"ab\x7fc"), step(1, 0, b"ab\x08 \x08c"), step(3, 150, b""), step(0, 1, b"x"), step(3, 0, b"")].concat(),
        [step(0, 0, b"word"), step(1, 0, b"wo"), step(1, 0, b"nderful"), step(3, 255, b""), step(0, 0, b"\n\n")].concat(),
    ]
}
