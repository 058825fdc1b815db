//! Files as parts of requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use massgen_python::{Attachment, MediaError};

/// A file in Base64, as all protocols take it.
pub(crate) fn encoded(attachment: &Attachment) -> String {
    STANDARD.encode(&attachment.bytes)
}

/// A file as a `data:` URL.
pub(crate) fn data_url(attachment: &Attachment) -> String {
    format!("data:{};base64,{}", attachment.media_type, encoded(attachment))
}

/// What a provider sent in Base64.
pub(crate) fn decoded(text: &str) -> Result<Vec<u8>, MediaError> {
    STANDARD.decode(text.trim()).map_err(|error| MediaError::new(format!("the reply holds broken Base64: {error}")))
}

/// How the name of a picture ends, by its first bytes.
pub(crate) fn picture_extension(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("png"),
        [0xff, 0xd8, 0xff, ..] => Some("jpg"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("webp"),
        [b'G', b'I', b'F', b'8', ..] => Some("gif"),
        _ => None,
    }
}
