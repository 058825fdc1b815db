//! What a file is, by its first bytes.

/// How many bytes are looked at.
pub(super) const HEAD_BYTES: usize = 8192;

/// How files of common kinds begin.
const STARTS: [(&[u8], &str); 22] = [
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive (or docx, xlsx, jar)"),
    (b"\x1f\x8b", "gzip data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\x00", "xz data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x7fELF", "a program (ELF)"),
    (b"\xcf\xfa\xed\xfe", "a program (Mach-O)"),
    (b"MZ", "a program (Windows)"),
    (b"\0asm", "a WebAssembly module"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PAR1", "Parquet data"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"ID3", "MP3 audio"),
    (b"fLaC", "FLAC audio"),
    (b"OggS", "Ogg media"),
    (b"\x1aE\xdf\xa3", "Matroska or WebM video"),
];

/// What kind of binary file begins with `head`; `None` for text.
pub(super) fn binary_kind(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Some("UTF-16 text");
    }
    let controls = head.iter().filter(|byte| byte.is_ascii_control() && !b"\t\n\r\x0c\x08\x1b".contains(byte)).count();
    // A PDF's head may look like text; nothing else on the list that does is taken for binary.
    let is_binary = head.contains(&0) || controls * 10 > head.len() || head.starts_with(b"%PDF-");
    if !is_binary {
        return None;
    }
    if let Some((_, kind)) = STARTS.iter().find(|(start, _)| head.starts_with(start)) {
        return Some(kind);
    }
    match (head.get(..4), head.get(4..8), head.get(8..12)) {
        (Some(b"RIFF"), _, Some(b"WEBP")) => Some("a WebP image"),
        (Some(b"RIFF"), _, Some(b"WAVE")) => Some("WAV audio"),
        (_, Some(b"ftyp"), _) => Some("MP4 video or audio"),
        _ => Some("binary data"),
    }
}

#[cfg(test)]
mod tests {
    use super::binary_kind;

    #[test]
    fn text_is_text_and_binaries_have_names() {
        assert_eq!(binary_kind(b""), None);
        assert_eq!(binary_kind("BM is a text, \u{e4}".as_bytes()), None);
        assert_eq!(binary_kind(b"\x1b[1mbold\x1b[0m\r\n"), None);
        assert_eq!(binary_kind(b"latin-1: \xe4\xf6"), None);
        assert_eq!(binary_kind(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Some("a PNG image"));
        assert_eq!(binary_kind(b"RIFF\0\0\0\0WAVEfmt "), Some("WAV audio"));
        assert_eq!(binary_kind(b"\xff\xfea\0b\0"), Some("UTF-16 text"));
        assert_eq!(binary_kind(b"a\0b"), Some("binary data"));
    }
}
