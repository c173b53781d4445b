//! Conditional requests: whether the client wants the version that there is (RFC 9110, section 13).

use std::time::SystemTime;

use hyper::header::{
    HeaderMap, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};

use crate::entity_tag::{EntityTag, Tags};
use crate::version::Version;

/// What the conditions of a `GET` or `HEAD` come to.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answer as if there were none.
    Met,
    /// The client has this version: 304.
    NotModified,
    /// The client wants another version or none: 412.
    Failed,
}

/// Evaluates the conditions for something that is there, in the order of section 13.2.2.
pub fn evaluate(request: &HeaderMap, version: &Version) -> Outcome {
    let modified = version.modified();
    let unmodified = match Tags::of(request, &IF_MATCH) {
        Some(tags) => matches(&tags, version, |tag, own| tag.strongly_equals(own)),
        None => {
            dated(request, &IF_UNMODIFIED_SINCE, modified).is_none_or(|(modified, since)| modified <= since)
        }
    };
    if !unmodified {
        return Outcome::Failed;
    }
    let modified = match Tags::of(request, &IF_NONE_MATCH) {
        Some(tags) => !matches(&tags, version, |tag, own| tag.weakly_equals(own)),
        None => dated(request, &IF_MODIFIED_SINCE, modified).is_none_or(|(modified, since)| modified > since),
    };
    if modified { Outcome::Met } else { Outcome::NotModified }
}

/// Whether the part that a `Range` asks for may be sent: `If-Range` names this version, or isn't there. A part of another
/// version than the one that the client has begun with would corrupt its copy, so anything doubtful means no.
pub fn allows_a_part(request: &HeaderMap, version: &Version) -> bool {
    let mut conditions = request.get_all(IF_RANGE).iter();
    match (conditions.next(), conditions.next()) {
        (None, _) => true,
        (Some(condition), None) => match EntityTag::parse(condition.as_bytes()) {
            Some(tag) => tag.strongly_equals(&version.tag()),
            // A date is as good as a strong tag only once its second can't see another change.
            None => {
                version.is_settled()
                    && version.modified_text().is_some_and(|modified| condition == modified.as_str())
            }
        },
        (Some(_), Some(_)) => false,
    }
}

fn matches(
    tags: &Tags<'_>,
    version: &Version,
    equal: impl Fn(&EntityTag<'_>, &EntityTag<'_>) -> bool,
) -> bool {
    match tags {
        Tags::Any => true,
        Tags::Listed(tags) => tags.iter().any(|tag| equal(tag, &version.tag())),
    }
}

/// The file's time and the one that a header compares it to. A condition that can't be understood, or has nothing to
/// compare, doesn't count.
fn dated(
    request: &HeaderMap,
    name: &HeaderName,
    modified: Option<SystemTime>,
) -> Option<(SystemTime, SystemTime)> {
    let mut dates = request.get_all(name).iter();
    let (Some(date), None) = (dates.next(), dates.next()) else { return None };
    let since = httpdate::parse_http_date(date.to_str().ok()?).ok()?;
    Some((modified?, since))
}

#[cfg(test)]
mod tests;
