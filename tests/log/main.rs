//! What a log promises, tried on every backend; what only the SQLite file must withstand; and what only the adapter to
//! EventStoreDB must.
//!
//! The cases are the usual ones of event stores' own suites, as far as our port has them. Absent are: `Any` and "exists"
//! (there is no such expectation), filters and checkpoints of filters (a follower reads everything), deletion,
//! tombstones and retention (nothing is deleted), checkpoint stores and work queues (they are not the log's business),
//! and throughput (printed by nobody, judged by nobody).

mod appending;
mod backends;
mod codec;
mod copy;
mod crash;
mod eventstoredb;
mod export;
mod following;
mod reading;
mod sqlite_file;

/// One test for each case on one backend.
macro_rules! on {
    ($only:tt $backend:ident: $($file:ident { $($case:ident)* })*) => {
        $(mod $file {
            $(one! { $only $backend $file $case })*
        })*
    };
}

macro_rules! one {
    (($($only:tt)*) $backend:ident $file:ident $case:ident) => {
        $($only)*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            crate::$file::$case::<crate::backends::$backend>().await;
        }
    };
}

macro_rules! every_case {
    ($backend:ident) => {
        every_case! { () $backend }
    };
    ($only:tt $backend:ident) => {
        on! { $only $backend:
            appending {
                the_first_append_numbers_its_events_from_zero
                a_stream_thought_missing_conflicts_with_its_revision
                an_exact_expectation_holds_only_at_the_end
                an_exact_expectation_of_a_missing_stream_conflicts
                an_empty_append_only_asks
                a_refused_append_leaves_nothing
                of_many_writers_with_one_expectation_exactly_one_wins
                many_writers_who_look_and_try_again_all_land
                streams_do_not_touch_each_other
                the_same_append_again_stores_nothing
                the_beginning_of_an_earlier_append_is_known
                an_earlier_append_with_one_more_event_is_refused
                an_append_that_differs_later_on_is_refused
                an_id_stands_once_in_a_stream
                the_same_id_in_two_streams_is_two_events
                an_id_twice_in_one_append_is_refused
                a_lost_answer_is_settled_by_asking_again
                a_lost_request_is_settled_by_asking_again
                a_log_that_hangs_is_left_alone_and_asked_again
                appends_that_share_a_flush_are_answered_each_for_itself
                an_event_that_is_too_large_harms_nothing_else
                appends_in_order_are_stored_in_their_order
                behind_an_append_that_is_not_taken_none_is_tried
            }
            reading {
                forwards_and_backwards_mirror_each_other
                a_limit_is_kept_and_zero_gives_nothing
                a_stream_is_read_from_a_revision_on
                a_missing_stream_is_empty
                everything_comes_back_byte_for_byte
                a_stream_and_the_log_agree_on_positions
                what_was_answered_can_be_read
                positions_rise_and_batches_stay_together
                no_reader_sees_an_event_appear_behind_another
                any_page_size_gives_the_whole_log
                a_scan_gives_what_reading_gives
                a_scan_ends_when_it_is_told_to
                the_largest_numbers_are_answered_like_any_other
            }
            following {
                history_then_news_without_gap_or_repetition
                following_begins_after_its_position
                following_from_the_end_gives_only_news
                followers_do_not_hinder_each_other
                a_dropped_call_loses_nothing
                an_empty_log_is_caught_up_and_waits
                following_goes_on_where_an_earlier_one_ended
                a_follower_of_a_closed_log_is_told
            }
        }
    };
}

mod memory {
    every_case!(Memory);
}

mod sqlite {
    every_case!(Sqlite);
}

mod sqlite_reopened {
    every_case!(SqliteReopened);
}

mod eventstoredb_in_memory {
    every_case!(EventStoreDbInMemory);
}

mod eventstoredb_in_a_file {
    every_case!(EventStoreDbInAFile);
}

mod eventstoredb_restarted {
    every_case!(EventStoreDbRestarted);
}

/// Only where there is a server: see `docs/eventstoredb.md`. Each begins with the address in CHATLEDGER_TEST_ESDB.
mod real_server {
    every_case! {
        (#[ignore = "needs a server: CHATLEDGER_TEST_ESDB=esdb://… cargo test --test log -- --ignored"])
        RealServer
    }
}
