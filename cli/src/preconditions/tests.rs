//! Each condition alone, and which of two decides.

use super::*;
use hyper::header::HeaderValue;
use std::time::{Duration, UNIX_EPOCH};

/// When the file of these tests was modified, and seconds before and after it.
const BEFORE: &str = "Sun, 09 Sep 2001 01:46:39 GMT";
const MODIFIED: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
const AFTER: &str = "Sun, 09 Sep 2001 01:46:41 GMT";

fn settled() -> Version {
    Version::made_up("\"own\"", modified(), true)
}

fn young() -> Version {
    Version::made_up("W/\"own-unsettled\"", modified(), false)
}

fn modified() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_000_000_000_700)
}

fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
}

fn tag(version: &Version) -> String {
    version.tag_text().to_owned()
}

#[test]
fn without_conditions_they_are_met() {
    assert_eq!(evaluate(&HeaderMap::new(), &settled()), Outcome::Met);
    assert_eq!(evaluate(&HeaderMap::new(), &Version::of_page("page")), Outcome::Met);
}

#[test]
fn a_tag_that_the_client_has_is_not_sent_again() {
    let version = settled();
    let own = tag(&version);
    for (tags, outcome) in [
        ("*", Outcome::NotModified),
        (&own, Outcome::NotModified),
        (&format!("W/{own}"), Outcome::NotModified),
        (&format!("\"other\", {own}"), Outcome::NotModified),
        ("\"other\"", Outcome::Met),
        ("", Outcome::Met),
        (own.trim_matches('"'), Outcome::Met),
    ] {
        assert_eq!(evaluate(&headers(&[(IF_NONE_MATCH, tags)]), &version), outcome, "{tags}");
    }
}

#[test]
fn only_the_tag_that_the_client_insists_on_is_sent() {
    let version = settled();
    let own = tag(&version);
    for (tags, outcome) in [
        ("*", Outcome::Met),
        (&own, Outcome::Met),
        (&format!("\"other\", {own}"), Outcome::Met),
        (&format!("W/{own}"), Outcome::Failed),
        ("\"other\"", Outcome::Failed),
        ("", Outcome::Failed),
    ] {
        assert_eq!(evaluate(&headers(&[(IF_MATCH, tags)]), &version), outcome, "{tags}");
    }
}

#[test]
fn dates_are_compared_in_whole_seconds() {
    let version = settled();
    for (date, since, unmodified_since) in [
        (BEFORE, Outcome::Met, Outcome::Failed),
        (MODIFIED, Outcome::NotModified, Outcome::Met),
        (AFTER, Outcome::NotModified, Outcome::Met),
        ("Sunday, 09-Sep-01 01:46:40 GMT", Outcome::NotModified, Outcome::Met),
        ("Sun Sep  9 01:46:40 2001", Outcome::NotModified, Outcome::Met),
        ("yesterday", Outcome::Met, Outcome::Met),
        ("1000000000", Outcome::Met, Outcome::Met),
    ] {
        assert_eq!(evaluate(&headers(&[(IF_MODIFIED_SINCE, date)]), &version), since, "{date}");
        let condition = headers(&[(IF_UNMODIFIED_SINCE, date)]);
        assert_eq!(evaluate(&condition, &version), unmodified_since, "{date}");
    }
    let twice = headers(&[(IF_MODIFIED_SINCE, AFTER), (IF_MODIFIED_SINCE, AFTER)]);
    assert_eq!(evaluate(&twice, &version), Outcome::Met);
}

#[test]
fn tags_decide_before_dates_and_matching_before_not_matching() {
    let version = settled();
    let own = tag(&version);
    for (conditions, outcome) in [
        ([(IF_MATCH, own.as_str()), (IF_UNMODIFIED_SINCE, BEFORE)], Outcome::Met),
        ([(IF_MATCH, "\"other\""), (IF_UNMODIFIED_SINCE, AFTER)], Outcome::Failed),
        ([(IF_NONE_MATCH, "\"other\""), (IF_MODIFIED_SINCE, AFTER)], Outcome::Met),
        ([(IF_NONE_MATCH, &own), (IF_MODIFIED_SINCE, BEFORE)], Outcome::NotModified),
        ([(IF_MATCH, &own), (IF_NONE_MATCH, &own)], Outcome::NotModified),
        ([(IF_MATCH, "\"other\""), (IF_NONE_MATCH, &own)], Outcome::Failed),
        ([(IF_UNMODIFIED_SINCE, BEFORE), (IF_NONE_MATCH, &own)], Outcome::Failed),
        ([(IF_MATCH, &own), (IF_MODIFIED_SINCE, AFTER)], Outcome::NotModified),
    ] {
        assert_eq!(evaluate(&headers(&conditions), &version), outcome, "{conditions:?}");
    }
}

#[test]
fn a_page_has_a_tag_and_no_time() {
    let page = Version::of_page("page");
    let own = tag(&page);
    for (name, value, outcome) in [
        (IF_MATCH, "*", Outcome::Met),
        // Too weak to insist on.
        (IF_MATCH, &own, Outcome::Failed),
        (IF_NONE_MATCH, "*", Outcome::NotModified),
        (IF_NONE_MATCH, &own, Outcome::NotModified),
        (IF_NONE_MATCH, "\"other\"", Outcome::Met),
        (IF_MODIFIED_SINCE, AFTER, Outcome::Met),
        (IF_UNMODIFIED_SINCE, BEFORE, Outcome::Met),
    ] {
        assert_eq!(evaluate(&headers(&[(name.clone(), value)]), &page), outcome, "{name}: {value}");
    }
}

#[test]
fn a_part_is_only_sent_of_the_version_that_the_client_has() {
    let version = settled();
    let own = tag(&version);
    assert!(allows_a_part(&HeaderMap::new(), &version));
    for (condition, allowed) in [
        (own.as_str(), true),
        (MODIFIED, true),
        (&format!("W/{own}"), false),
        ("\"other\"", false),
        (BEFORE, false),
        (AFTER, false),
        ("Sunday, 09-Sep-01 01:46:40 GMT", false),
        ("*", false),
        ("", false),
    ] {
        assert_eq!(allows_a_part(&headers(&[(IF_RANGE, condition)]), &version), allowed, "{condition}");
    }
    assert!(!allows_a_part(&headers(&[(IF_RANGE, &own), (IF_RANGE, &own)]), &version));
}

#[test]
fn no_part_is_promised_of_what_may_change_unnoticed() {
    let young = young();
    assert!(!allows_a_part(&headers(&[(IF_RANGE, &tag(&young))]), &young));
    assert!(!allows_a_part(&headers(&[(IF_RANGE, MODIFIED)]), &young));
    assert_eq!(evaluate(&headers(&[(IF_MATCH, &tag(&young))]), &young), Outcome::Failed);
    assert_eq!(evaluate(&headers(&[(IF_NONE_MATCH, &tag(&young))]), &young), Outcome::NotModified);
}
