//! How the main program and the two stages of the helper talk: frames of JSON, and descriptors sent along.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// More than any plan needs, so that a broken peer cannot make us reserve all memory.
pub(crate) const FRAME_BYTES_MAX: u32 = 64 << 20;

/// The most descriptors that one message carries.
const DESCRIPTORS_MAX: usize = 4;

/// A value as a frame: its length as four bytes, lowest first, then JSON.
pub(crate) fn frame(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(value)?;
    let length = u32::try_from(body.len()).ok().filter(|length| *length <= FRAME_BYTES_MAX);
    let length = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the plan of a job is too large"))?;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend(body);
    Ok(bytes)
}

/// Writes a frame and waits until it is taken.
pub(crate) fn write_frame(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    to.write_all(&frame(value)?)
}

/// Reads a frame and waits for it.
pub(crate) fn read_frame<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too long"));
    }
    let mut body = Vec::new();
    let read = from.take(u64::from(length)).read_to_end(&mut body)?;
    if read < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&body)?)
}

/// Sends descriptors, with one byte to carry them.
pub(crate) fn send_descriptors(socket: impl AsFd, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors for one message"));
    }
    sendmsg(socket, &[IoSlice::new(b"d")], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives exactly as many descriptors. None of them is inherited by programs.
pub(crate) fn receive_descriptors<const COUNT: usize>(socket: impl AsFd) -> io::Result<[OwnedFd; COUNT]> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut control, flags)?;
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    let wrong = |_| io::Error::new(io::ErrorKind::InvalidData, "a message came without its descriptors");
    <[OwnedFd; COUNT]>::try_from(descriptors).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::unix::net::UnixStream;

    #[test]
    fn frames_and_descriptors_arrive() {
        let (mut near, mut far) = UnixStream::pair().unwrap();
        let file = File::open("/dev/null").unwrap();
        send_descriptors(&near, &[file.as_fd(), near.as_fd()]).unwrap();
        write_frame(&mut near, &vec!["a", "b"]).unwrap();
        let [_, _] = receive_descriptors::<2>(&far).unwrap();
        let value: Vec<String> = read_frame(&mut far).unwrap();
        assert_eq!(value, ["a", "b"]);
    }

    #[test]
    fn broken_frames_are_errors() {
        let cut: io::Result<String> = read_frame(&mut [9, 0, 0, 0, b'"'].as_slice());
        assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let long: io::Result<String> = read_frame(&mut [255; 8].as_slice());
        assert_eq!(long.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
