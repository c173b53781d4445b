//! Semaphores: no permit is lost or made up, and nobody waits for ever.

use super::*;

#[test]
fn two_tasks_share_one_permit() {
    check(|| {
        let (semaphore, inside) = (Arc::new(Semaphore::new(1)), Arc::new(Exclusive::new()));
        let other = thread::spawn({
            let (semaphore, inside) = (Arc::clone(&semaphore), Arc::clone(&inside));
            move || {
                let _permit = block_on(semaphore.acquire_async()).unwrap();
                inside.increment();
            }
        });
        {
            let _permit = block_on(semaphore.acquire_async()).unwrap();
            inside.increment();
        }
        other.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
        assert_eq!(inside.increment(), 3);
    });
}

#[test]
fn a_permit_that_was_granted_to_a_wait_that_is_dropped_goes_to_the_next() {
    check(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (mut dropped, mut next) = (semaphore.acquire_async(), semaphore.acquire_async());
        assert!(poll_once(&mut dropped).is_pending());
        assert!(poll_once(&mut next).is_pending());
        let adding = thread::spawn({
            let semaphore = Arc::clone(&semaphore);
            move || semaphore.add_permits(1)
        });
        drop(dropped);
        drop(block_on(&mut next).unwrap());
        adding.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn a_large_request_that_is_given_up_lets_the_small_one_behind_it_go_on() {
    check(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let mut large = semaphore.acquire_many_async(2);
        assert!(poll_once(&mut large).is_pending());
        let adding = thread::spawn({
            let semaphore = Arc::clone(&semaphore);
            move || semaphore.add_permits(1)
        });
        let small = thread::spawn({
            let semaphore = Arc::clone(&semaphore);
            move || block_on(semaphore.acquire_async()).unwrap().forget()
        });
        drop(large);
        adding.join().unwrap();
        small.join().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
    });
}

#[test]
fn a_close_ends_every_wait_and_loses_no_permit() {
    check(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let held = semaphore.try_acquire().unwrap();
        let waiting = thread::spawn({
            let semaphore = Arc::clone(&semaphore);
            move || block_on(semaphore.acquire_async()).is_ok()
        });
        let closing = thread::spawn({
            let semaphore = Arc::clone(&semaphore);
            move || semaphore.close()
        });
        drop(held);
        waiting.join().unwrap();
        closing.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}
