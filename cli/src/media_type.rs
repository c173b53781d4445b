//! What a file is called in `Content-Type`.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use mime_guess::mime::{APPLICATION_OCTET_STREAM, Mime, TEXT, TEXT_PLAIN};

/// How much of a file decides whether it is text.
const SAMPLE: u64 = 1024;

/// The media type of `file`, which is served by `name`: by the name's extension or, where that says nothing, as in
/// `LICENSE` or `Cargo.lock`, by whether it begins like text. Browsers show text and save everything else. Blocks.
pub fn media_type(name: &Path, file: &File) -> io::Result<String> {
    let media_type = match mime_guess::from_path(name).first() {
        Some(media_type) => media_type,
        None if begins_like_text(file)? => TEXT_PLAIN,
        None => APPLICATION_OCTET_STREAM,
    };
    Ok(if is_text(&media_type) {
        format!("{}; charset=utf-8", media_type.essence_str())
    } else {
        media_type.to_string()
    })
}

fn is_text(media_type: &Mime) -> bool {
    media_type.type_() == TEXT || media_type.subtype() == "javascript"
}

/// Whether the first bytes are UTF-8 without control characters other than white space.
fn begins_like_text(mut file: &File) -> io::Result<bool> {
    let mut sample = Vec::new();
    file.take(SAMPLE).read_to_end(&mut sample)?;
    file.rewind()?;
    let text = match str::from_utf8(&sample) {
        Ok(text) => text,
        // The sample may end inside of a character.
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(&sample[..error.valid_up_to()]).expect("valid up to here")
        }
        Err(_) => return Ok(false),
    };
    Ok(!text.contains(|character: char| character.is_control() && !character.is_whitespace()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn of(name: &str, content: &[u8]) -> String {
        let path = std::env::temp_dir().join(format!("fibra-media-{}-{}", std::process::id(), name));
        let mut file =
            File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        file.write_all(content).unwrap();
        file.rewind().unwrap();
        let media_type = media_type(Path::new(name), &file).unwrap();
        let mut whole = Vec::new();
        file.read_to_end(&mut whole).unwrap();
        assert_eq!(whole, content, "looking at a file must not move its position");
        media_type
    }

    #[test]
    fn the_extension_decides() {
        assert_eq!(of("a.HTML", b"\0"), "text/html; charset=utf-8");
        assert_eq!(of("a.png", b"text"), "image/png");
        assert_eq!(of("a.js", b""), "text/javascript; charset=utf-8");
    }

    #[test]
    fn without_a_known_extension_the_content_decides() {
        for text in
            ["", "all rights\r\n\treserved", "ünï", &"ä".repeat(1000), &format!("a{}", "€".repeat(1000))]
        {
            assert_eq!(of("LICENSE", text.as_bytes()), "text/plain; charset=utf-8", "{text:.20}");
        }
        for bytes in [&b"\x7fELF\x02\x01\x01\0"[..], b"a\0b", b"\xff\xfea", b"\x1b[31m"] {
            assert_eq!(of("program", bytes), "application/octet-stream", "{bytes:?}");
        }
    }
}
