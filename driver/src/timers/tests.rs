//! Each test states one promise of the wheel.

use super::*;
use proptest::prelude::*;
use std::time::Duration;
use std::{
    collections::BTreeMap,
    mem::discriminant,
    ptr,
    task::{RawWaker, RawWakerVTable, Waker},
};

const NANOSECOND: Duration = Duration::from_nanos(1);

fn wheel() -> (Wheel, Instant) {
    let start = Instant::now();
    (Wheel::new(start), start)
}

/// What comes out at `now`.
fn advanced(wheel: &mut Wheel, now: Instant) -> Vec<u64> {
    let mut tokens = Vec::new();
    wheel.advance(now, |token| tokens.push(number(token)));
    tokens
}

/// Tokens of all kinds, by turns.
fn numbered(number: u64) -> Token {
    match number % 3 {
        0 => Token::Timeout(number as usize),
        1 => Token::Backend(number),
        _ => Token::Timer(waker(number)),
    }
}

/// A waker that knows a number and does nothing.
fn waker(number: u64) -> Waker {
    const TABLE: RawWakerVTable =
        RawWakerVTable::new(|number| RawWaker::new(number, &TABLE), |_| (), |_| (), |_| ());
    // SAFETY: the table's functions do nothing with the pointer, from any thread.
    unsafe { Waker::new(ptr::without_provenance(number as usize), &TABLE) }
}

fn number(of: Token) -> u64 {
    let number = match &of {
        Token::Timeout(word) => *word as u64,
        Token::Backend(token) => *token,
        Token::Timer(waker) => waker.data().addr() as u64,
    };
    assert_eq!(discriminant(&of), discriminant(&numbered(number)), "a token came out as one of another kind");
    number
}

/// Spans that meet every level, and the edges between slots and levels.
fn spans() -> impl Iterator<Item = Duration> {
    (0..63)
        .flat_map(|bit| [-1_i64, 0, 1].map(|offset| (1_u64 << bit).saturating_add_signed(offset)))
        .map(Duration::from_nanos)
}

#[test]
fn an_entry_comes_out_at_its_deadline_and_not_a_nanosecond_earlier() {
    for position in spans().step_by(7) {
        for span in spans() {
            let (mut wheel, start) = wheel();
            wheel.advance(start + position, |_| unreachable!("the wheel is empty"));
            let deadline = start + position + span;
            wheel.insert(deadline, numbered(7));
            assert_eq!(wheel.next_deadline(), Some(deadline));
            if !span.is_zero() {
                assert_eq!(advanced(&mut wheel, deadline - NANOSECOND), [], "{position:?} + {span:?}");
                assert_eq!(wheel.next_deadline(), Some(deadline));
            }
            assert_eq!(advanced(&mut wheel, deadline), [7], "{position:?} + {span:?}");
            assert_eq!(wheel.next_deadline(), None);
        }
    }
}

#[test]
fn the_next_deadline_is_the_earliest_to_the_nanosecond() {
    let (mut wheel, start) = wheel();
    let mut spans: Vec<_> = spans().collect();
    spans.sort();
    for span in spans.iter().rev() {
        wheel.insert(start + *span, numbered(0));
        assert_eq!(wheel.next_deadline(), Some(start + *span));
    }
    for span in spans {
        assert!(wheel.next_deadline().is_none_or(|next| next >= start + span));
        wheel.advance(start + span, |_| ());
    }
    assert_eq!(wheel.next_deadline(), None);
}

#[test]
fn a_deadline_in_the_past_comes_out_next() {
    let (mut wheel, start) = wheel();
    wheel.advance(start + Duration::from_secs(100), |_| ());
    wheel.insert(start + Duration::from_secs(1), numbered(1));
    wheel.insert(start, numbered(2));
    assert_eq!(wheel.next_deadline(), Some(start));
    assert_eq!(advanced(&mut wheel, start + Duration::from_secs(100)), [1, 2]);
}

#[test]
fn a_deadline_before_the_wheel_was_made_comes_out_next() {
    let start = Instant::now();
    let mut wheel = Wheel::new(start + Duration::from_secs(1));
    wheel.insert(start, numbered(1));
    assert_eq!(advanced(&mut wheel, start), [1]);
}

#[test]
fn the_farthest_future_neither_overflows_nor_comes() {
    let (mut wheel, start) = wheel();
    let century = Duration::from_secs(100 * 365 * 86_400);
    let mut farthest = start;
    // The farthest instant that the platform can express.
    for bit in (0..64).rev() {
        farthest = farthest.checked_add(Duration::from_secs(1 << bit)).unwrap_or(farthest);
    }
    let key = wheel.insert(farthest, numbered(1));
    wheel.insert(start + 2 * century, numbered(2));
    assert_eq!(wheel.next_deadline(), Some(start + 2 * century));
    assert_eq!(advanced(&mut wheel, start + 2 * century), [2]);
    assert!(wheel.next_deadline().is_some_and(|next| next > start + 2 * century && next <= farthest));
    assert_eq!(wheel.cancel(key).map(number), Some(1));
}

#[test]
fn a_clock_that_goes_back_changes_nothing() {
    let (mut wheel, start) = wheel();
    wheel.advance(start + Duration::from_secs(10), |_| ());
    wheel.insert(start + Duration::from_secs(11), numbered(1));
    assert_eq!(advanced(&mut wheel, start), []);
    assert_eq!(advanced(&mut wheel, start + Duration::from_secs(11)), [1]);
}

#[test]
fn equal_deadlines_come_out_in_the_order_of_insertion() {
    let (mut wheel, start) = wheel();
    // On level 3 at first; they move down three times.
    let deadline = start + Duration::from_secs(3_600) + Duration::from_nanos(12_345_678_901);
    for token in 0..100 {
        wheel.insert(deadline, numbered(token));
    }
    let mut now = start;
    while now < deadline {
        assert_eq!(advanced(&mut wheel, now), []);
        now += Duration::from_millis(7_321);
    }
    assert_eq!(advanced(&mut wheel, deadline), (0..100).collect::<Vec<_>>());
}

#[test]
fn deadlines_a_slot_apart_come_out_in_their_order() {
    let (mut wheel, start) = wheel();
    let apart = Duration::from_nanos(1 << REST_BITS);
    for token in (0..10_000).rev() {
        wheel.insert(start + apart * token as u32, numbered(token));
    }
    let mut all = advanced(&mut wheel, start + apart * 5_000);
    all.extend(advanced(&mut wheel, start + apart * 10_000));
    assert_eq!(all.len(), 10_000);
    assert!(all.is_sorted());
}

#[test]
fn a_stale_key_cancels_nothing() {
    let (mut wheel, start) = wheel();
    let fired = wheel.insert(start, numbered(1));
    assert_eq!(advanced(&mut wheel, start), [1]);
    assert_eq!(wheel.cancel(fired).map(number), None);

    let cancelled = wheel.insert(start, numbered(2));
    assert_eq!(wheel.cancel(cancelled).map(number), Some(2));
    assert_eq!(wheel.cancel(cancelled).map(number), None);

    // It takes the place of the two before it.
    wheel.insert(start, numbered(3));
    assert_eq!(wheel.cancel(fired).map(number), None);
    assert_eq!(wheel.cancel(cancelled).map(number), None);
    assert_eq!(advanced(&mut wheel, start), [3]);
}

#[test]
fn a_key_stays_stale_when_the_generations_of_its_place_are_used_up() {
    let (mut wheel, start) = wheel();
    let first = wheel.insert(start, numbered(1));
    let last = wheel.entries.set_generation(first, entries::WORN_OUT - 1);
    assert_eq!(wheel.cancel(last).map(number), Some(1));
    let next = wheel.insert(start, numbered(2));
    assert_eq!(wheel.cancel(first).map(number), None);
    assert_eq!(wheel.cancel(last).map(number), None);
    assert_eq!(wheel.cancel(next).map(number), Some(2));
}

#[test]
fn a_cancelled_entry_costs_at_most_one_wake_up() {
    let (mut wheel, start) = wheel();
    let hour = Duration::from_secs(3_600);
    // In one slot of level 2, which is 4.3 s wide.
    let early = wheel.insert(start + hour, numbered(1));
    wheel.insert(start + hour + Duration::from_millis(1), numbered(2));
    assert_eq!(wheel.cancel(early).map(number), Some(1));
    assert_eq!(wheel.next_deadline(), Some(start + hour), "the earliest of a slot is not searched for");
    assert_eq!(advanced(&mut wheel, start + hour), []);
    assert_eq!(wheel.next_deadline(), Some(start + hour + Duration::from_millis(1)));
}

#[test]
fn a_slot_that_becomes_empty_is_forgotten() {
    let (mut wheel, start) = wheel();
    let key = wheel.insert(start + Duration::from_millis(1), numbered(1));
    wheel.insert(start + Duration::from_secs(1), numbered(2));
    wheel.cancel(key).map(number);
    assert_eq!(wheel.next_deadline(), Some(start + Duration::from_secs(1)));
}

#[test]
fn in_a_steady_state_nothing_is_allocated() {
    let (mut wheel, start) = wheel();
    let mut now = start;
    let mut capacity = 0;
    for round in 0..1_000_u64 {
        let keys: Vec<_> = (0..50)
            .map(|token| wheel.insert(now + Duration::from_micros(token * round), numbered(token)))
            .collect();
        for key in keys.iter().step_by(2) {
            wheel.cancel(*key).map(number);
        }
        now += Duration::from_micros(50 * round);
        assert_eq!(advanced(&mut wheel, now).len(), 25);
        if round == 0 {
            capacity = wheel.entries.capacity();
        }
    }
    assert_eq!(wheel.entries.capacity(), capacity);
}

/// What the model does in one step; times and indices are scaled to what is there.
#[derive(Clone, Debug)]
enum Step {
    Insert { bits: u32, fraction: u64 },
    InsertInPast { back: u64 },
    Cancel { which: usize },
    CancelStale { which: usize },
    Advance { bits: u32, fraction: u64 },
    AdvanceToNext { before: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let times = || (0_u32..50, any::<u64>());
    prop_oneof![
        6 => times().prop_map(|(bits, fraction)| Step::Insert { bits, fraction }),
        1 => any::<u64>().prop_map(|back| Step::InsertInPast { back }),
        3 => any::<usize>().prop_map(|which| Step::Cancel { which }),
        1 => any::<usize>().prop_map(|which| Step::CancelStale { which }),
        2 => times().prop_map(|(bits, fraction)| Step::Advance { bits, fraction }),
        4 => any::<bool>().prop_map(|before| Step::AdvanceToNext { before }),
    ]
}

/// The same timers in a map ordered by deadline, which is plainly right.
struct Model {
    start: Instant,
    now: u64,
    next_token: u64,
    pending: BTreeMap<(u64, u64), TimerKey>,
    stale: Vec<TimerKey>,
}

impl Model {
    fn insert(&mut self, wheel: &mut Wheel, deadline: u64) {
        let key = wheel.insert(self.start + Duration::from_nanos(deadline), numbered(self.next_token));
        self.pending.insert((deadline, self.next_token), key);
        self.next_token += 1;
    }

    fn advance(&mut self, wheel: &mut Wheel, now: u64) {
        self.now = self.now.max(now);
        let mut came = advanced(wheel, self.start + Duration::from_nanos(now));
        came.sort();
        let later = self.pending.split_off(&(self.now + 1, 0));
        let due = std::mem::replace(&mut self.pending, later);
        let mut expected: Vec<u64> = due.keys().map(|(_, token)| *token).collect();
        expected.sort();
        assert_eq!(came, expected);
        self.stale.extend(due.into_values());
    }

    fn apply(&mut self, wheel: &mut Wheel, step: Step) {
        match step {
            Step::Insert { bits, fraction } => self.insert(wheel, self.now + fraction % (1 << bits)),
            Step::InsertInPast { back } => self.insert(wheel, self.now - back % (self.now + 1)),
            Step::Cancel { which } => {
                if let Some(entry) = self.pending.keys().nth(which % self.pending.len().max(1)).copied() {
                    let key = self.pending.remove(&entry).expect("it was found there");
                    assert_eq!(wheel.cancel(key).map(number), Some(entry.1));
                    self.stale.push(key);
                }
            }
            Step::CancelStale { which } => {
                if let Some(key) = self.stale.get(which % self.stale.len().max(1)) {
                    assert_eq!(wheel.cancel(*key).map(number), None);
                }
            }
            Step::Advance { bits, fraction } => self.advance(wheel, self.now + fraction % (1 << bits)),
            Step::AdvanceToNext { before } => {
                if let Some(next) = wheel.next_deadline() {
                    let next = (next - self.start).as_nanos() as u64;
                    self.advance(wheel, next.saturating_sub(u64::from(before)));
                }
            }
        }
    }

    /// The promises about `next_deadline`: never too late, there exactly if there is an entry, and exact where nothing
    /// was cancelled.
    fn check_next(&self, wheel: &Wheel, nothing_cancelled: bool) {
        let next = wheel.next_deadline().map(|next| (next - self.start).as_nanos() as u64);
        let earliest = self.pending.keys().next().map(|(deadline, _)| *deadline);
        assert_eq!(next.is_some(), earliest.is_some());
        assert!(next <= earliest, "{next:?} is later than {earliest:?}");
        if nothing_cancelled {
            assert_eq!(next, earliest);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_wheel_does_what_an_ordered_map_does(steps in proptest::collection::vec(step(), 1..200)) {
        let (mut wheel, start) = wheel();
        let mut model = Model { start, now: 0, next_token: 0, pending: BTreeMap::new(), stale: Vec::new() };
        let mut nothing_cancelled = true;
        for step in steps {
            nothing_cancelled &= !matches!(step, Step::Cancel { .. });
            model.apply(&mut wheel, step);
            model.check_next(&wheel, nothing_cancelled);
        }
        model.advance(&mut wheel, 1 << 60);
        assert_eq!(wheel.next_deadline(), None);
    }
}

#[test]
fn what_was_cancelled_leaves_no_trace_among_those_that_stay() {
    let (mut wheel, start) = wheel();
    let stays = wheel.insert(start + Duration::from_secs(3_600), numbered(0));
    // In the same slot.
    let deadline = start + Duration::from_secs(3_600) + Duration::from_millis(1);
    let mut others: Vec<_> =
        (1..=10).map(|number| (number, wheel.insert(deadline, numbered(number)))).collect();
    for number in 11..100_000 {
        let key = wheel.insert(deadline, numbered(number));
        let (number, oldest) = std::mem::replace(&mut others[number as usize % 10], (number, key));
        assert_eq!(wheel.cancel(oldest).map(self::number), Some(number));
    }
    let longest = wheel.levels.iter().flat_map(|level| &level.slots).map(|slot| slot.list.capacity()).max();
    assert!(longest < Some(100), "{longest:?}");
    assert_eq!(wheel.cancel(stays).map(number), Some(0));
    assert_eq!(advanced(&mut wheel, deadline), (99_990..100_000).collect::<Vec<_>>());
}

#[test]
fn where_many_entries_were_as_many_find_room() {
    let (mut wheel, start) = wheel();
    let mut fill_a_slot = |delay: u64| {
        let deadline = start + Duration::from_secs(delay);
        let keys: Vec<_> = (0..50_000).map(|number| wheel.insert(deadline, numbered(number))).collect();
        let meanwhile = wheel.spare.room();
        for (number, key) in keys.into_iter().enumerate() {
            assert_eq!(wheel.cancel(key).map(self::number), Some(number as u64));
        }
        (meanwhile, wheel.spare.room())
    };
    let (before, kept) = fill_a_slot(3_600);
    assert!(before < 50_000 && kept >= 50_000, "{before}, {kept}");
    // The same list, and it comes back, as does the one that it takes over from.
    let (meanwhile, kept) = fill_a_slot(7_200);
    assert!(meanwhile < 50_000, "{meanwhile}");
    let (_, kept_again) = fill_a_slot(10_800);
    assert_eq!(kept_again, kept);
}
