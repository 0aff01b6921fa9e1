//! All oracles, by name.

use crate::{Oracle, chain, container, doors, echo, exports, guardian, keys, messages, names, netlink, plant, ssh, store, terminal, turns, windows};

/// It allocates nothing.
const NOTHING: u64 = 0;
/// Enough for a decoder that keeps what it read, its error's words, and a second form to compare.
const SMALL: u64 = 64 * 1024;
/// The demo's plant stands beside the one that is looked at.
const PLANT: u64 = 1024 * 1024;
/// A frame of a recording is read whole, and no more than a mebibyte of it.
const FRAME: u64 = 4 * 1024 * 1024;
/// One connection: its runtime, buffers of whole packets (RFC 4253 6.1: 35,000 bytes and more), keys.
const SSH: u64 = 2 * 1024 * 1024;
/// A mebibyte of the shortest items, as values in a growing queue.
const ITEMS: u64 = 40 * 1024 * 1024;

macro_rules! oracles {
    (messages: $($group:ident)*; $($name:ident: $module:ident::$holds:ident, $seeds:ident, $memory:ident;)*) => {
        /// Every oracle.
        pub const ALL: &[Oracle] = &[
            $(oracle(stringify!($group), messages::$group::holds, messages::$group::seeds, SMALL),)*
            $(oracle(stringify!($name), $module::$holds, $module::$seeds, $memory),)*
        ];
    };
}

const fn oracle(name: &'static str, holds: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>, memory: u64) -> Oracle {
    Oracle { name, holds, seeds, memory, memory_per_byte: 64 }
}

oracles! {
    messages:
        border_admin border_connector border_console border_desk border_guardian border_latch guard_facts
        border_front border_launcher border_listener border_machine border_mediation
        border_record border_restart border_secrets border_vault border_work border_zones
        codec_parts ledger_event model_objects recording_item vault_secrets;
    border_turns: turns::holds, seeds, SMALL;
    console_keys: keys::holds, seeds, SMALL;
    front_menu: names::menu, menu_seeds, SMALL;
    front_user: names::user, user_seeds, SMALL;
    guardian_core: guardian::holds, seeds, NOTHING;
    ledger_export: chain::export, export_seeds, SMALL;
    ledger_file: chain::file, file_seeds, SMALL;
    ledger_manifest: chain::manifest, manifest_seeds, SMALL;
    ledger_marks: chain::marks, mark_seeds, SMALL;
    ledger_row: chain::row, row_seeds, SMALL;
    mediator_wire: doors::holds, seeds, SMALL;
    model_ids: names::ids, id_seeds, SMALL;
    netlink_answer: netlink::holds, seeds, SMALL;
    plant_file: plant::file, file_seeds, PLANT;
    plant_objects: plant::objects, object_seeds, PLANT;
    plant_value: plant::value, value_seeds, PLANT;
    policy_windows: windows::holds, seeds, SMALL;
    recording_cast: exports::cast, seeds, SMALL;
    recording_file: container::file, file_seeds, FRAME;
    recording_frames: container::frames, frame_seeds, ITEMS;
    recording_marks: container::marks, mark_seeds, FRAME;
    recording_text: exports::text, seeds, SMALL;
    recording_wrapped: container::wrapped, wrapped_seeds, FRAME;
    ssh_machine: ssh::machine, machine_seeds, SSH;
    ssh_operator: ssh::operator, operator_seeds, SSH;
    stream_echo: echo::holds, seeds, SMALL;
    stream_filter: terminal::holds, seeds, SMALL;
    vault_host_key: store::host_key, host_key_seeds, SMALL;
    vault_one_time: store::one_time, one_time_seeds, SMALL;
    vault_sealed: store::sealed, sealed_seeds, SMALL;
}
