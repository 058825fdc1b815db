//! Forms as RFC 7578 has them.

/// One field of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) name: String,
    pub(crate) file_name: Option<String>,
    pub(crate) value: &'a [u8],
}

/// The fields of a form; `None` when it is not one.
pub(crate) fn fields<'a>(content_type: &str, body: &'a [u8]) -> Option<Vec<Field<'a>>> {
    let boundary = content_type.strip_prefix("multipart/form-data")?.split_once("boundary=")?.1;
    let boundary = boundary.split(';').next()?.trim().trim_matches('"');
    let delimiter = format!("--{boundary}");
    let mut rest = body.strip_prefix(delimiter.as_bytes())?;
    let next = format!("\r\n{delimiter}");
    let mut fields = Vec::new();
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let head_end = find(part, b"\r\n\r\n")?;
        let head = str::from_utf8(part.get(..head_end)?).ok()?;
        let content = part.get(head_end + 4..)?;
        let end = find(content, next.as_bytes())?;
        let disposition = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-disposition").then_some(value)
        })?;
        let parameter = |wanted: &str| {
            let mut parameters = disposition.split(';').filter_map(|parameter| parameter.trim().split_once('='));
            parameters.find(|(name, _)| *name == wanted).map(|(_, value)| value.trim_matches('"').to_owned())
        };
        fields.push(Field { name: parameter("name")?, file_name: parameter("filename"), value: content.get(..end)? });
        rest = content.get(end + next.len()..)?;
    }
    rest.starts_with(b"--").then_some(fields)
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_and_broken_ones_are_not() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b\r\nContent-Disposition: \
                     form-data; name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\n\xff\r\n\xfb\r\n--b--\r\n";
        let fields = fields("multipart/form-data; boundary=b", body).unwrap();
        assert_eq!(fields[0], Field { name: "model".to_owned(), file_name: None, value: b"m" });
        let file_name = Some("a.mp3".to_owned());
        assert_eq!(fields[1], Field { name: "file".to_owned(), file_name, value: b"\xff\r\n\xfb" });
        assert_eq!(super::fields("multipart/form-data; boundary=c", body), None);
        assert_eq!(super::fields("multipart/form-data; boundary=b", &body[..40]), None);
        assert_eq!(super::fields("application/json", body), None);
    }
}
