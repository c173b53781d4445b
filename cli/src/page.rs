//! The pages that fibra makes itself: a directory's listing, and errors.
//!
//! Each is one document without scripts and without references to anything else, so that the content security policy
//! can forbid all of it. Whatever comes from a file's name is escaped here, at the place where it enters the page.

use std::fmt::{self, Display, Formatter, Write};

use bstr::ByteSlice;

use crate::listing::{Entry, Kind, Listing};
use crate::request_path::encode;
use crate::timestamp;

/// What the pages may do: nothing but be styled by themselves.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("page/style.css");
const ICONS: &str = include_str!("page/icons.svg");

/// The page of the directory `names` below the served directory, which is called `root`.
pub fn directory(root: &str, names: &[Vec<u8>], listing: &Listing) -> String {
    let mut page = head(&Escaped(names.last().map_or(root.as_bytes(), Vec::as_slice)));
    page.push_str(ICONS);
    page.push_str("<main>");
    breadcrumbs(&mut page, root, names);
    if listing.entries.is_empty() {
        page.push_str("<p class=\"note\">This directory is empty.</p>");
    }
    table(&mut page, !names.is_empty(), listing);
    if listing.left_out > 0 {
        write(
            &mut page,
            format_args!("<p class=\"note\">…and {} more, which are not shown.</p>", listing.left_out),
        );
    }
    write(&mut page, format_args!("<footer>{}</footer></main></body></html>\n", summary(listing)));
    page
}

/// The page of an error; `status` as in `404 Not Found`.
pub fn error(status: &str, explanation: &str) -> String {
    let mut page = head(&status);
    write(
        &mut page,
        format_args!(
            "<main class=\"error\"><h1>{status}</h1><p>{explanation}</p><p><a href=\"/\">To the start</a></p></main></body></html>\n"
        ),
    );
    page
}

/// Everything up to the body's content. `title` must be harmless.
fn head(title: &dyn Display) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
         <link rel=\"icon\" href=\"data:,\"><style>{STYLE}</style></head><body>"
    )
}

fn breadcrumbs(page: &mut String, root: &str, names: &[Vec<u8>]) {
    page.push_str("<h1><nav aria-label=\"Breadcrumb\"><ol>");
    let mut crumb = |href: &str, name: &[u8], last: bool| {
        let (name, current) = (Escaped(name), if last { " aria-current=\"page\"" } else { "" });
        write(page, format_args!("<li><a href=\"{href}\"{current}><bdi>{name}</bdi></a></li>"));
    };
    crumb("/", root.as_bytes(), names.is_empty());
    let mut href = String::from("/");
    for (index, name) in names.iter().enumerate() {
        write(&mut href, format_args!("{}/", encode(name)));
        crumb(&href, name, index + 1 == names.len());
    }
    page.push_str("</ol></nav></h1>");
}

fn table(page: &mut String, has_parent: bool, listing: &Listing) {
    page.push_str(
        "<table><thead><tr><th class=\"name\" scope=\"col\">Name</th><th class=\"size\" scope=\"col\">Size</th>\
         <th class=\"time\" scope=\"col\">Modified (UTC)</th></tr></thead><tbody>",
    );
    if has_parent {
        page.push_str(
            "<tr><td class=\"name\"><a href=\"../\"><svg class=\"icon up\" aria-hidden=\"true\"><use href=\"#up\"/></svg>\
             Parent directory</a></td><td class=\"size\"></td><td class=\"time\"></td></tr>",
        );
    }
    listing.entries.iter().for_each(|entry| row(page, entry));
    page.push_str("</tbody></table>");
}

fn row(page: &mut String, entry: &Entry) {
    let (slash, icon, size) = match entry.kind {
        Kind::Folder => ("/", "folder", "–".to_owned()),
        Kind::File(bytes) => {
            ("", icon(&entry.name), format!("<span title=\"{bytes} bytes\">{}</span>", size(bytes)))
        }
    };
    // "./" in front: a name with a colon would be read as a URL with a scheme of its own.
    write(
        page,
        format_args!(
            "<tr><td class=\"name\"><a href=\"./{href}{slash}\"><svg class=\"icon {icon}\" aria-hidden=\"true\">\
             <use href=\"#{icon}\"/></svg><bdi>{name}{slash}</bdi></a></td><td class=\"size\">{size}</td>\
             <td class=\"time\">{time}</td></tr>",
            href = encode(&entry.name),
            name = Escaped(&entry.name),
            time = entry.modified.and_then(timestamp::rfc3339).map_or_else(String::new, |time| moment(&time)),
        ),
    );
}

/// `time` in RFC 3339, shown to the minute.
fn moment(time: &str) -> String {
    format!(
        "<time datetime=\"{time}\" title=\"{time}\">{} <span>{}</span></time>",
        &time[..10],
        &time[11..16]
    )
}

/// Which of the drawings in `icons.svg` a file has.
fn icon(name: &[u8]) -> &'static str {
    let extension = name.rfind_byte(b'.').and_then(|dot| str::from_utf8(&name[dot + 1..]).ok());
    let guess = extension.and_then(|extension| mime_guess::from_ext(extension).first());
    let Some(media_type) = guess else { return "file" };
    match (media_type.type_().as_str(), media_type.subtype().as_str()) {
        ("text", _) | (_, "json" | "xml" | "pdf" | "javascript" | "toml") => "text",
        ("image", _) => "image",
        ("audio" | "video", _) => "media",
        (
            _,
            "zip" | "gzip" | "x-tar" | "x-7z-compressed" | "x-xz" | "x-bzip2" | "x-rar-compressed" | "zstd",
        ) => "archive",
        _ => "file",
    }
}

/// In powers of 1024, to one decimal.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What would be rounded to 1024 belongs to the next unit.
    while value >= 1023.95 {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

fn summary(listing: &Listing) -> String {
    let files = listing.entries.iter().filter_map(|entry| match entry.kind {
        Kind::File(bytes) => Some(bytes),
        Kind::Folder => None,
    });
    let (file_count, bytes) =
        files.fold((0, 0u64), |(count, sum), bytes| (count + 1, sum.saturating_add(bytes)));
    let folders = counted(listing.entries.len() - file_count, "folder");
    format!("{folders}, {} · {} · served by fibra", counted(file_count, "file"), size(bytes))
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// A name as text or in a quoted attribute. Shown as a replacement character are bytes that aren't UTF-8, control
/// characters, and the marks that reverse the direction of writing, with which a name could pose as another one.
struct Escaped<'a>(&'a [u8]);

impl Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            let mut rest = chunk.valid();
            while let Some((position, special, replacement)) = first_special(rest) {
                formatter.write_str(&rest[..position])?;
                formatter.write_str(replacement)?;
                rest = &rest[position + special.len_utf8()..];
            }
            formatter.write_str(rest)?;
            if !chunk.invalid().is_empty() {
                formatter.write_char('\u{fffd}')?;
            }
        }
        Ok(())
    }
}

fn first_special(text: &str) -> Option<(usize, char, &'static str)> {
    text.char_indices().find_map(|(position, character)| Some((position, character, replacement(character)?)))
}

fn replacement(character: char) -> Option<&'static str> {
    match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some("\u{fffd}"),
        _ if character.is_control() => Some("\u{fffd}"),
        _ => None,
    }
}

fn write(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("writing to a String can't fail");
}

#[cfg(test)]
mod tests;
