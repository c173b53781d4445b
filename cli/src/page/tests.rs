//! What the pages say, and that nothing in a name can become markup.

use super::*;
use std::time::{Duration, UNIX_EPOCH};

fn listing(entries: Vec<(&[u8], Kind)>) -> Listing {
    let modified = Some(UNIX_EPOCH + Duration::from_secs(1_795_416_117));
    let entry = |(name, kind): (&[u8], Kind)| Entry { name: name.to_vec(), kind, modified };
    Listing::new(entries.into_iter().map(entry).collect())
}

#[test]
fn entries_are_shown_with_size_and_time() {
    let page =
        directory("home", &[], &listing(vec![(b"a b.txt", Kind::File(1536)), (b"music", Kind::Folder)]));
    assert!(page.contains("<title>home</title>"), "{page}");
    assert!(page.contains("href=\"./a%20b.txt\"") && page.contains("<bdi>a b.txt</bdi>"), "{page}");
    assert!(page.contains("title=\"1536 bytes\">1.5 KiB<"), "{page}");
    assert!(page.contains("href=\"./music/\"") && page.contains("<bdi>music/</bdi>"), "{page}");
    assert!(page.contains("2026-11-23 <span>06:41</span>"), "{page}");
    assert!(page.contains("1 folder, 1 file · 1.5 KiB"), "{page}");
    assert!(!page.contains("Parent directory"), "{page}");
}

#[test]
fn breadcrumbs_lead_to_every_directory_above() {
    let page = directory("home", &[b"a b".to_vec(), b"c".to_vec()], &listing(vec![]));
    assert!(page.contains("<a href=\"/\"><bdi>home</bdi></a>"), "{page}");
    assert!(page.contains("<a href=\"/a%20b/\"><bdi>a b</bdi></a>"), "{page}");
    assert!(page.contains("<a href=\"/a%20b/c/\" aria-current=\"page\"><bdi>c</bdi></a>"), "{page}");
    assert!(page.contains("Parent directory") && page.contains("This directory is empty."), "{page}");
}

#[test]
fn names_cannot_become_markup() {
    let hostile: &[u8] = b"<script>alert('x')</script>&\"><img src=x>";
    let page = directory(
        "<b>",
        &[hostile.to_vec()],
        &listing(vec![(hostile, Kind::File(0)), (hostile, Kind::Folder)]),
    );
    for markup in ["<script", "<img", "<b>", "\"><img", "'x'"] {
        assert!(!page.contains(markup), "{markup} in {page}");
    }
    assert!(
        page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;&gt;&lt;img src=x&gt;"),
        "{page}"
    );
}

#[test]
fn a_name_cannot_become_another_url() {
    let page = directory(
        "home",
        &[],
        &listing(vec![(b"javascript:alert(1)", Kind::File(0)), (b"a?b#c", Kind::File(0))]),
    );
    assert!(page.contains("href=\"./javascript%3Aalert%281%29\""), "{page}");
    assert!(page.contains("href=\"./a%3Fb%23c\""), "{page}");
}

#[test]
fn a_name_that_is_not_text_can_be_seen_and_followed() {
    let page = directory(
        "home",
        &[],
        &listing(vec![(b"\xff\n", Kind::File(0)), ("\u{202e}gpj.exe".as_bytes(), Kind::File(0))]),
    );
    assert!(page.contains("href=\"./%FF%0A\"") && page.contains("<bdi>\u{fffd}\u{fffd}</bdi>"), "{page}");
    assert!(page.contains("<bdi>\u{fffd}gpj.exe</bdi>"), "{page}");
}

#[test]
fn entries_that_are_left_out_are_counted() {
    let mut listing = listing(vec![]);
    listing.left_out = 7;
    assert!(directory("home", &[], &listing).contains("…and 7 more"));
}

#[test]
fn sizes_are_short_and_never_rounded_to_1024() {
    for (bytes, text) in [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (10 * 1024 * 1024, "10.0 MiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (u64::MAX, "16.0 EiB"),
    ] {
        assert_eq!(size(bytes), text, "{bytes}");
    }
}

#[test]
fn an_error_page_says_what_is_wrong() {
    let page = error("404 Not Found", "There is nothing here.");
    assert!(page.contains("<h1>404 Not Found</h1>") && page.contains("There is nothing here."), "{page}");
}

#[test]
fn every_icon_is_drawn() {
    for name in ["a", "a.txt", "a.png", "a.mp3", "a.zip", "a.pdf", "a.iso"] {
        assert!(ICONS.contains(&format!("id=\"{}\"", icon(name.as_bytes()))), "{name}");
    }
}
