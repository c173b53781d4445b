//! Times as text. A file's time may be anything that a file system can store; what the formats can't express is `None`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The first second of the year 10000.
const END: Duration = Duration::from_secs(253_402_300_800);

/// As HTTP headers want it: `Mon, 23 Nov 2026 06:41:57 GMT`.
pub fn http(time: SystemTime) -> Option<String> {
    expressible(time).map(httpdate::fmt_http_date)
}

/// As logs and pages want it: `2026-11-23T06:41:57Z`.
pub fn rfc3339(time: SystemTime) -> Option<String> {
    expressible(time).map(|time| humantime::format_rfc3339_seconds(time).to_string())
}

/// Both crates panic outside the years 1970 to 9999.
fn expressible(time: SystemTime) -> Option<SystemTime> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    (since < END).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_times_have_both_forms() {
        let time = UNIX_EPOCH + Duration::from_secs(1_795_416_117);
        assert_eq!(rfc3339(time).as_deref(), Some("2026-11-23T06:41:57Z"));
        assert_eq!(http(time).as_deref(), Some("Mon, 23 Nov 2026 06:41:57 GMT"));
    }

    #[test]
    fn the_ends_of_the_range_are_expressible_and_what_lies_outside_is_not() {
        for (time, text) in [
            (UNIX_EPOCH, Some("1970-01-01T00:00:00Z")),
            // On Windows, time goes by tenths of that.
            (UNIX_EPOCH - Duration::from_micros(1), None),
            (UNIX_EPOCH + END - Duration::from_micros(1), Some("9999-12-31T23:59:59Z")),
            (UNIX_EPOCH + END, None),
        ] {
            assert_eq!(rfc3339(time).as_deref(), text);
            assert_eq!(http(time).is_some(), text.is_some());
        }
    }
}
