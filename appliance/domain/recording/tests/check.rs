//! Claims of the check without a key: marks of the ledger find every change and every cut.

mod common;

use common::{auditor, pieces};
use recording::{CheckError, Marker, ReadError, check};

type Marks = Vec<(u64, [u8; 32])>;

fn marked() -> (Vec<u8>, Marks) {
    let pieces = pieces(&[&auditor().1]);
    let mut marker = Marker::new();
    let marks = pieces.iter().map(|piece| {
        marker.update(piece);
        marker.mark()
    });
    let marks = marks.collect();
    (pieces.concat(), marks)
}

#[test]
fn a_whole_recording_passes_with_and_without_marks() {
    let (file, marks) = marked();
    let report = check(&file[..], &marks, true).unwrap();
    assert_eq!((report.length, report.whole, report.marked), (file.len() as u64, file.len() as u64, file.len() as u64));
    assert!(report.closed);
    assert_eq!(report.frames, 6);
    assert_eq!(check(&file[..], &[], false).unwrap().marked, 0);
    assert_eq!(check(&file[..], &marks[2..4], false).unwrap().marked, marks[3].0);
}

#[test]
fn every_flipped_byte_below_a_mark_is_found() {
    let (file, marks) = marked();
    for index in 0..file.len() {
        let mut bad = file.clone();
        bad[index] ^= 1;
        let due = marks.iter().find(|mark| mark.0 > index as u64).unwrap().0;
        assert!(matches!(check(&bad[..], &marks, true), Err(CheckError::Mark(at)) if at == due), "byte {index}");
    }
}

#[test]
fn every_cut_of_a_closed_recording_is_found() {
    let (file, marks) = marked();
    for end in 0..file.len() {
        assert!(matches!(check(&file[..end], &marks, true), Err(CheckError::Short { .. })), "cut at {end}");
        // Even without marks it is not told closed.
        assert!(check(&file[..end], &[], true).is_err());
    }
    let longer = [&file[..], b"x"].concat();
    assert!(matches!(check(&longer[..], &marks, true), Err(CheckError::Structure(ReadError::AfterEnd))));
}

#[test]
fn an_open_recording_is_whole_up_to_its_last_frame() {
    let (file, marks) = marked();
    let (first, second) = (marks[0].0 as usize, marks[1].0 as usize);
    for end in first..second {
        let report = check(&file[..end], &marks[..1], false).unwrap();
        assert_eq!((report.whole, report.closed, report.frames), (marks[0].0, false, 1));
        assert!(matches!(check(&file[..end], &marks[..1], true), Err(CheckError::NotClosed(_))));
    }
    let zeros = [&file[..second], &[0; 100]].concat();
    assert_eq!(check(&zeros[..], &marks[..2], false).unwrap().whole, marks[1].0);
}

#[test]
fn marks_that_do_not_cover_a_final_recording_are_refused() {
    let (file, marks) = marked();
    assert!(matches!(check(&file[..], &marks[..3], true), Err(CheckError::NotCovered { .. })));
    assert!(matches!(check(&file[..], &[], true), Err(CheckError::NotCovered { marked: 0, .. })));
    let turned = [marks[1], marks[0]];
    assert!(matches!(check(&file[..], &turned, false), Err(CheckError::MarkOrder(_))));
}

#[test]
fn frames_out_of_place_are_found_without_marks() {
    let mut pieces = pieces(&[&auditor().1]);
    pieces.swap(2, 3);
    let file = pieces.concat();
    assert!(matches!(
        check(&file[..], &[], false),
        Err(CheckError::Structure(ReadError::OutOfOrder { due: 2, found: 3 }))
    ));
}
