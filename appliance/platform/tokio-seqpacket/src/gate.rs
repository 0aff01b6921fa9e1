//! A stream whose reading can pause while its writing goes on.
//!
//! The SSH library reopens a channel's window by itself as data arrives, so the one brake that does
//! not stop output too is to leave the network's bytes unread for a while.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

#[derive(Debug)]
enum Reading {
    Free,
    PausedUntil(Instant),
    Paused,
}

#[derive(Debug)]
struct State {
    reading: Reading,
    waker: Option<Waker>,
    last_read: Instant,
}

/// The brake of one [`Gate`].
#[derive(Debug, Clone)]
pub struct Throttle {
    state: Arc<Mutex<State>>,
}

impl Throttle {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is three plain fields: no panic can leave them half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves the network unread for so long, or until [`Throttle::resume`].
    pub fn pause_for(&self, time: Duration) {
        self.lock().reading = Reading::PausedUntil(Instant::now() + time);
    }

    /// Leaves the network unread until [`Throttle::resume`].
    pub fn pause(&self) {
        self.lock().reading = Reading::Paused;
    }

    /// Reads on.
    pub fn resume(&self) {
        let mut state = self.lock();
        if matches!(state.reading, Reading::Free) {
            return;
        }
        if matches!(state.reading, Reading::Paused) {
            state.last_read = Instant::now();
        }
        state.reading = Reading::Free;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// How long nothing came from the network although it was being read.
    pub fn silent_for(&self) -> Duration {
        let state = self.lock();
        match state.reading {
            Reading::Paused => Duration::ZERO,
            Reading::Free | Reading::PausedUntil(_) => state.last_read.elapsed(),
        }
    }
}

/// Bytes that are read ahead at most. The library asks for the four bytes of a packet's length first:
/// a small packet then costs one system call, a large one is still read to where it belongs.
const AHEAD: usize = 1024;

/// The stream, its reading under a [`Throttle`].
#[derive(Debug)]
pub struct Gate<S> {
    stream: S,
    throttle: Throttle,
    sleep: Option<Pin<Box<Sleep>>>,
    ahead: Box<[u8; AHEAD]>,
    /// What of `ahead` was not given out yet.
    unread: Range<usize>,
}

/// Puts a stream under a throttle; it starts free.
pub fn gate<S>(stream: S) -> (Gate<S>, Throttle) {
    let state = State { reading: Reading::Free, waker: None, last_read: Instant::now() };
    let throttle = Throttle { state: Arc::new(Mutex::new(state)) };
    let ahead = Box::new([0; AHEAD]);
    (Gate { stream, throttle: throttle.clone(), sleep: None, ahead, unread: 0..0 }, throttle)
}

impl<S> Gate<S> {
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.throttle.lock();
        match state.reading {
            Reading::Free => Poll::Ready(()),
            Reading::Paused => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Reading::PausedUntil(end) => {
                let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(end)));
                if sleep.deadline() != end {
                    sleep.as_mut().reset(end);
                }
                state.waker = Some(cx.waker().clone());
                ready!(sleep.as_mut().poll(cx));
                state.reading = Reading::Free;
                Poll::Ready(())
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gate<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_open(cx));
        if this.unread.is_empty() {
            let stream = Pin::new(&mut this.stream);
            if buffer.remaining() >= AHEAD {
                let result = ready!(stream.poll_read(cx, buffer));
                this.throttle.lock().last_read = Instant::now();
                return Poll::Ready(result);
            }
            let mut ahead = ReadBuf::new(&mut this.ahead[..]);
            ready!(stream.poll_read(cx, &mut ahead))?;
            this.unread = 0..ahead.filled().len();
            this.throttle.lock().last_read = Instant::now();
        }
        let count = this.unread.len().min(buffer.remaining());
        buffer.put_slice(&this.ahead[this.unread.start..this.unread.start + count]);
        this.unread.start += count;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
