//! A crowd at the door: many times more connections than the engine keeps open, and nobody in it says anything of use.

use std::time::Duration;

use chatledger::descriptors;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::house::{House, Plan};

const ANNA: &str = "79161234567";

/// How many come, if this machine lets us open so many connections.
const CROWD: u64 = 10_000;

/// What everything else in this program opens meanwhile.
const OTHERS: u64 = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_that_say_nothing_keep_no_webhook_out() {
    let crowd = match descriptors::ask_for(CROWD + OTHERS) {
        Ok(()) => CROWD,
        Err(most) => {
            let crowd = most.saturating_sub(OTHERS);
            assert!(crowd > 2_048, "this machine lets us open only {most} files: too few for a crowd");
            eprintln!("this machine lets us open only {most} files: {crowd} come");
            crowd
        }
    };
    let house = House::build(Plan::USUAL).await;
    let engine = house.start().await;
    house.acquainted(ANNA, "Before the crowd.").await;
    let before = engine.peak_memory();

    let mut silent = Vec::new();
    for number in 0..crowd {
        let connecting = timeout(Duration::from_secs(30), TcpStream::connect(house.listen));
        let mut stream = connecting.await.expect("there is room for a newcomer").expect("somebody listens");
        if number % 2 == 0 {
            // Some begin to speak. Who was asked to leave does not hear it.
            let _heard = stream.write_all(b"POST /hooks/crm/x HTTP/1.1\r\nx-slow: ").await;
        }
        silent.push(stream);
    }
    // The CRM sends each hook once and waits for seconds only.
    let began = Instant::now();
    house.manager_writes(ANNA, "Can you hear me?");
    assert_eq!(house.answer_to(&house.crm.name, "Can you hear me?").await, Some(200));
    assert!(began.elapsed() < Duration::from_secs(5), "too late: {:?}", began.elapsed());
    house.client_is_taken(ANNA, "Loud and clear.").await;
    house.until_shown(&house.messenger.name, "Can you hear me?").await;
    house.until_shown(&house.crm.name, "Loud and clear.").await;

    if let (Some(before), Some(after)) = (before, engine.peak_memory()) {
        assert!(after - before < 100 * 1024 * 1024, "a silent crowd costs {} bytes", after - before);
    }
    drop(silent);
}
