//! Weekly windows at any moment, in any zone.

use policy::windows::{Opening, Window, Zone, opening};

/// Takes windows, a zone and a moment out of bytes.
fn read(bytes: &[u8]) -> Option<(Vec<Window>, Zone, i64)> {
    const ZONES: [&str; 6] =
        ["UTC", "Europe/Berlin", "Pacific/Apia", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"];
    let (&zone, rest) = bytes.split_first()?;
    let (moment, rest) = rest.split_first_chunk::<8>()?;
    let zone = Zone::named(ZONES[usize::from(zone) % ZONES.len()]).expect("the zone is in the data");
    let number = |a: u8, b: u8| u16::from_le_bytes([a, b]) % 1500;
    let window = |c: &[u8; 5]| Window::new(c[0], number(c[1], c[2]), number(c[3], c[4])).ok();
    let (windows, _) = rest.as_chunks::<5>();
    // Most 64-bit numbers are no moment: half of them stand for one of our time.
    let moment = i64::from_le_bytes(*moment);
    let now = if moment & 1 == 0 { moment } else { (moment >> 1).rem_euclid(4_000_000_000) };
    Some((windows.iter().filter_map(window).take(8).collect(), zone, now))
}

/// What is said to end ends then and not before, what is said to open opens then and not before.
///
/// # Panics
/// If it does not hold.
pub fn holds(bytes: &[u8]) {
    if let Ok(name) = std::str::from_utf8(bytes)
        && let Err(wrong) = Zone::named(name)
    {
        crate::shown::line(&wrong.to_string());
    }
    let Some((windows, zone, now)) = read(bytes) else { return };
    let at = |s: i64| opening(&windows, &zone, s);
    match at(now) {
        Opening::Open { ends_s: None } => {}
        state @ Opening::Open { ends_s: Some(ends) } => {
            assert!(ends > now, "it is open and ended {} s ago", now - ends);
            assert!(at(ends - 1) == state, "it ends before it is said to");
            assert!(!matches!(at(ends), Opening::Open { .. }), "it does not end when it is said to");
        }
        Opening::Closed { opens_s: None } => {}
        state @ Opening::Closed { opens_s: Some(opens) } => {
            assert!(opens > now, "it is closed and opened {} s ago", now - opens);
            assert!(at(opens - 1) == state, "it opens before it is said to");
            assert!(matches!(at(opens), Opening::Open { .. }), "it does not open when it is said to");
        }
    }
}

/// Windows around changes of clocks, and zones' names.
pub fn seeds() -> Vec<Vec<u8>> {
    let seed = |zone: u8, now: i64, windows: &[(u8, u16, u16)]| {
        let mut out = vec![zone];
        out.extend((now * 2 + 1).to_le_bytes());
        for (days, from, to) in windows {
            out.push(*days);
            out.extend([from.to_le_bytes(), to.to_le_bytes()].concat());
        }
        out
    };
    vec![
        seed(1, 1_774_742_400, &[(0x7f, 120, 180), (0x40, 90, 150)]),
        seed(1, 1_792_800_000, &[(0x7f, 120, 180), (0x1f, 480, 1020)]),
        seed(2, 1_325_203_200, &[(0x10, 480, 1020), (0x7f, 1380, 60)]),
        seed(4, 1_775_300_000, &[(0x7f, 0, 1440)]),
        seed(3, 1_700_000_000, &[(0x3f, 0, 1440), (0x01, 1320, 360)]),
        b"Europe/Berlin".to_vec(),
        b"Mars/Olympus".to_vec(),
    ]
}
