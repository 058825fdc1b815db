//! What a file is, by its first bytes.

use super::MediaKind;

/// What a file is; `None`: text, or nothing that models are shown.
pub(crate) fn recognise(bytes: &[u8]) -> Option<(MediaKind, &'static str)> {
    use MediaKind::{Audio, Document, Image, Video};
    Some(match bytes {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => (Image, "image/png"),
        [0xff, 0xd8, 0xff, ..] => (Image, "image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => (Image, "image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => (Image, "image/webp"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => (Audio, "audio/wav"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', b' ', ..] => (Video, "video/x-msvideo"),
        [b'I', b'D', b'3', ..] => (Audio, "audio/mpeg"),
        [b'f', b'L', b'a', b'C', ..] => (Audio, "audio/flac"),
        [b'O', b'g', b'g', b'S', ..] => (Audio, "audio/ogg"),
        // Both begin with eleven set bits; the layer tells them apart from each other, and from UTF-16.
        [0xff, second, ..] if second & 0xf6 == 0xf0 => (Audio, "audio/aac"),
        [0xff, second, ..] if second & 0xe6 == 0xe2 => (Audio, "audio/mpeg"),
        [_, _, _, _, b'f', b't', b'y', b'p', b'M', b'4', b'A', ..] => (Audio, "audio/mp4"),
        [_, _, _, _, b'f', b't', b'y', b'p', b'q', b't', ..] => (Video, "video/quicktime"),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => (Video, "video/mp4"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => (Video, "video/webm"),
        [b'%', b'P', b'D', b'F', b'-', ..] => (Document, "application/pdf"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_first_bytes() {
        let of = |bytes: &[u8]| recognise(bytes).map(|(_, media_type)| media_type);
        assert_eq!(of(b"\x89PNG\r\n\x1a\n"), Some("image/png"));
        assert_eq!(of(b"RIFF\0\0\0\0WAVEfmt "), Some("audio/wav"));
        assert_eq!(of(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        assert_eq!(of(b"\xff\xfb\x90\x64"), Some("audio/mpeg"));
        assert_eq!(of(b"\xff\xf1\x50\x80"), Some("audio/aac"));
        assert_eq!(of(b"\0\0\0\x18ftypisom"), Some("video/mp4"));
        assert_eq!(of(b"\0\0\0\x18ftypM4A "), Some("audio/mp4"));
        assert_eq!(of(b"%PDF-1.7"), Some("application/pdf"));
        assert_eq!(of(b"plain words"), None);
        assert_eq!(of(b"\xff\xfea\0b\0"), None, "UTF-16");
        assert_eq!(of(b""), None);
    }
}
