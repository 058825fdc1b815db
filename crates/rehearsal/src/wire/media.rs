//! Pictures, sound and documents: as parts of requests, and as what models make.

pub(crate) mod form;
pub(crate) mod images;
pub(crate) mod speech;
pub(crate) mod transcription;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What every model draws: a disc. A comment in it says that no model did.
const PICTURE: &[u8] = include_bytes!("../../assets/picture.png");

/// The picture in Base64.
pub(crate) fn picture() -> String {
    STANDARD.encode(PICTURE)
}

/// What every model says aloud: a moment of silence. `mp3` and `pcm` are what they say, all else is WAV.
pub(crate) fn sound(format: &str) -> Vec<u8> {
    const SAMPLES: [u8; 480] = [0; 480];
    match format {
        // One frame of MPEG-1 layer III at 128 kbit/s and 44.1 kHz.
        "mp3" => [&[0xff, 0xfb, 0x90, 0x64][..], &[0; 413]].concat(),
        "pcm" | "pcm16" => SAMPLES.to_vec(),
        _ => {
            let mut wav = b"RIFF".to_vec();
            wav.extend(516_u32.to_le_bytes());
            wav.extend(b"WAVEfmt ");
            wav.extend(16_u32.to_le_bytes());
            // PCM, one channel, 24 kHz, 16 bits.
            wav.extend([1, 0, 1, 0]);
            wav.extend(24_000_u32.to_le_bytes());
            wav.extend(48_000_u32.to_le_bytes());
            wav.extend([2, 0, 16, 0]);
            wav.extend(b"data");
            wav.extend(480_u32.to_le_bytes());
            wav.extend(SAMPLES);
            wav
        }
    }
}

/// The silence in Base64.
pub(crate) fn spoken(format: &str) -> String {
    STANDARD.encode(sound(format))
}

/// Bytes from Base64; `None` if it is none.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The media type and the bytes of a `data:` URL.
pub(super) fn data_url(url: &str) -> Option<(&str, Vec<u8>)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    Some((head.strip_suffix(";base64")?, decoded(data)?))
}

/// The media type of a picture that the providers take, by its first bytes.
pub(super) fn image_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// Whether bytes are a recording, or a film with one.
fn is_recording(bytes: &[u8]) -> bool {
    match bytes {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..]
        | [b'I', b'D', b'3', ..]
        | [b'f', b'L', b'a', b'C', ..]
        | [b'O', b'g', b'g', b'S', ..]
        | [_, _, _, _, b'f', b't', b'y', b'p', ..]
        | [0x1a, 0x45, 0xdf, 0xa3, ..] => true,
        [0xff, second, ..] => second & 0xe0 == 0xe0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_what_it_says() {
        assert_eq!(image_type(PICTURE), Some("image/png"));
        assert!(is_recording(&sound("wav")) && is_recording(&sound("mp3")));
        let wav = sound("wav");
        let told = u32::from_le_bytes([wav[4], wav[5], wav[6], wav[7]]);
        assert_eq!(usize::try_from(told).unwrap() + 8, wav.len());
        assert_eq!(data_url(&format!("data:image/png;base64,{}", picture())).unwrap().0, "image/png");
        assert_eq!(data_url("data:image/png,plain"), None);
    }
}
