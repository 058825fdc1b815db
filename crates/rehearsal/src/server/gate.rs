//! Connections that can be broken from inside a request.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Accepts connections.
pub(super) struct Gate {
    listener: TcpListener,
    stopping: CancellationToken,
}

/// The pause after a failed `accept`, which mostly means that file descriptors are short.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

impl Gate {
    pub(super) fn new(listener: TcpListener, stopping: CancellationToken) -> Self {
        Self { listener, stopping }
    }
}

impl Listener for Gate {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            if let Ok((stream, address)) = self.listener.accept().await {
                // Chunks are to leave when they are written. Without it they only leave later.
                let _ = stream.set_nodelay(true);
                return (Line::new(stream, self.stopping.child_token()), address);
            }
            tokio::time::sleep(ACCEPT_RETRY).await;
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection. Once its token is cancelled, nothing more passes.
pub(super) struct Line {
    stream: TcpStream,
    broken: CancellationToken,
    breaking: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Line {
    fn new(stream: TcpStream, broken: CancellationToken) -> Self {
        let breaking = Box::pin(broken.clone().cancelled_owned());
        Self { stream, broken, breaking }
    }

    fn intact(&self) -> io::Result<()> {
        if self.broken.is_cancelled() { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.intact()?;
        if self.breaking.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.intact()?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.intact()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.intact()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A request's hold on its connection.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    connection: CancellationToken,
}

impl Peer {
    /// Drops the connection without another byte.
    pub(super) fn hang_up(&self) {
        self.connection.cancel();
    }
}

impl Connected<IncomingStream<'_, Gate>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Gate>) -> Self {
        Self { connection: stream.io().broken.clone() }
    }
}
