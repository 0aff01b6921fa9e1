//! What the parts say, as inputs of the rules; what does not belong there ends who said it.

use border::desk;
use border::{guardian, latch, zones};
use codec::Wire;
use guard::{Input, Trigger};

/// A message that may not be said, or is none: its peer is ended.
pub struct Broken;

fn decode<T: Wire>(bytes: &[u8]) -> Result<T, Broken> {
    codec::decode(bytes).map_err(|_| Broken)
}

/// From the broker, with so many descriptors.
pub fn broker(bytes: &[u8], fds: usize) -> Result<Input, Broken> {
    use guardian::Order;
    let order: Order = decode(bytes)?;
    let wanted = if matches!(order, Order::Watch { .. }) { 2 } else { 0 };
    if fds != wanted {
        return Err(Broken);
    }
    Ok(match order {
        Order::Beat { ready, vault_ms, launcher_ms, power_loss_holds } => {
            Input::Beat { ready, vault_ms, launcher_ms, power_loss_holds }
        }
        Order::Watch { session, deadline_ms } => Input::Watch { session, deadline_ms },
        Order::Deadline { session, deadline_ms } => Input::Deadline { session, deadline_ms },
        Order::Over { session } => Input::Over { session },
        Order::Cut { ticket } => Input::Cut(Trigger::Broker { ticket }),
        Order::Rearm { ticket, contact } => Input::Rearm { ticket, contact },
        Order::Drill { ticket } => Input::Drill { ticket },
        Order::Noted { number } => Input::Noted { number },
    })
}

/// From the latch.
pub fn latch(bytes: &[u8], fds: usize) -> Result<Input, Broken> {
    use latch::Event;
    let event: Event = decode(bytes)?;
    if fds != 0 {
        return Err(Broken);
    }
    Ok(match event {
        Event::Slots { a, b, empty } => Input::Slots { a, b, empty },
        Event::Written { sequence } => Input::Written { sequence },
        Event::Failed { sequence, errno: _ } => Input::NotWritten { sequence },
    })
}

/// From zones, which has said the words itself.
pub fn zones(bytes: &[u8], fds: usize) -> Result<Input, Broken> {
    use zones::Event;
    let event: Event = decode(bytes)?;
    if fds != 0 {
        return Err(Broken);
    }
    Ok(Input::Laid(match event {
        Event::Laid => true,
        Event::Failed { step: _ } => false,
    }))
}

/// From somebody at the desk; none for a mere look.
pub fn desk(bytes: &[u8], fds: usize, uid: u32) -> Result<Option<Input>, Broken> {
    let request: desk::Request = decode(bytes)?;
    if fds != 0 {
        return Err(Broken);
    }
    Ok(match request {
        desk::Request::Look => None,
        desk::Request::Cut { console: true } => Some(Input::Cut(Trigger::Console)),
        desk::Request::Cut { console: false } => Some(Input::Cut(Trigger::Command { uid })),
    })
}
