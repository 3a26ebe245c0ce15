//! `kill -9`, again and again, at any moment, in any weather: no answered ping is lost, and no alert.

mod job;
mod judge;

use std::time::Duration;

use heartbeat_core::{Random, random::SystemRandom};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::task::JoinSet;

use crate::{
    bot_api::{BotApi, Weather},
    caller::Caller,
    installation::Installation,
    patience::{A_LEASE, SOON, within},
    server::Server,
};
use job::{Habit, Job, Line};
use judge::{false_alerts, untold, wrong_records};

const ROUNDS: usize = 32;
/// Who pings side by side.
const CLIENTS: usize = 4;
/// The longest that a server lives, in milliseconds.
const LIFE_MS: u64 = 500;
/// How long to wait for a message that is to be killed at: there is none while the channel rests.
const FOR_A_MESSAGE: Duration = Duration::from_secs(2);

/// What happens around a server until it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is killed after a while.
    After(Duration, Weather),
    /// It is killed while a message is on its way: the chat shows nothing, and nobody knows.
    AtAMessage,
}

impl Fate {
    fn of(round: usize, chance: &mut StdRng) -> Self {
        let life = Duration::from_millis(chance.random_range(0..LIFE_MS));
        match round {
            // Storms come first: after 429s, which count as attempts, a 500 would mean a wait of minutes.
            _ if round % 4 == 3 => Self::AtAMessage,
            4..14 => Self::After(life, Weather::Stormy),
            16..22 => Self::After(life, Weather::Busy),
            _ => Self::After(life, Weather::Fair),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answered_ping_and_no_alert_is_lost_over_thirty_kills() {
    let seed = option_env!("HEARTBEAT_SEED").map_or_else(|| SystemRandom.next(), |seed| seed.parse().unwrap());
    println!("Again with these moments: HEARTBEAT_SEED={seed} cargo test -p heartbeat --test product kills");
    let mut chance = StdRng::seed_from_u64(seed);
    let bot_api = BotApi::open().await;
    let installation = Installation::fresh().telling(&bot_api);
    // A steady one for each client, so that none runs out of work.
    let mut jobs: Vec<Job> = (0..CLIENTS).map(|number| Job::new(Habit::Steady, number)).collect();
    jobs.extend((0..3).map(|number| Job::new(Habit::Silent, number)));
    let server = installation.serve().await;
    let key = server.first_key().await;
    // It is good from the first answer on; before that, see the test below.
    assert!(server.caller(&key).monitors().await.is_empty());
    server.kill().await;

    for round in 0..ROUNDS {
        // At most 40 monitors in all: a digest names no more.
        jobs.push(Job::new(Habit::Shaky, round));
        let fate = Fate::of(round, &mut chance);
        jobs = live_and_die(&installation, &bot_api, &key, jobs, fate, &mut chance).await;
    }
    let answered: usize = jobs.iter().map(|job| job.answered().len()).sum();
    let turns: usize = jobs.iter().map(|job| job.turns().len()).sum();
    println!("{answered} pings answered, {turns} of them news");
    assert!(turns > ROUNDS, "too little has happened to prove anything");

    bot_api.turn(Weather::Fair);
    let server = installation.serve().await;
    let told = bot_api.until_or_late(A_LEASE, |messages| untold(&jobs, messages).is_empty()).await;
    assert!(told, "untold: {:#?}\n{}", untold(&jobs, &bot_api.arrived()), server.logged.text());
    server.stop().await;
    let lies = false_alerts(&jobs, &bot_api.arrived());
    assert!(lies.is_empty(), "{lies:#?}");

    assert_records(&installation.serve().await, &key, &jobs).await;
    installation.run(&["backup", "copy.db"]).await.well();
    assert_records(&installation.serve_with(&["--db", "copy.db"]).await, &key, &jobs).await;
}

#[tokio::test]
async fn a_first_start_that_is_killed_never_leaves_its_owner_without_a_key() {
    for _ in 0..5 {
        let installation = Installation::fresh();
        let server = installation.serve().await;
        let shown = server.first_key().await;
        server.kill().await;
        let server = installation.serve().await;
        if server.caller(&shown).ping("nightly-backup").await == 401 {
            let key = server.first_key().await;
            assert_eq!(server.caller(&key).ping("nightly-backup").await, 201);
        }
    }
}

/// One life of the server: jobs ping it as fast as they can until it is killed.
async fn live_and_die(
    installation: &Installation,
    bot_api: &BotApi,
    key: &str,
    mut jobs: Vec<Job>,
    fate: Fate,
    chance: &mut StdRng,
) -> Vec<Job> {
    let before = bot_api.arrived().len();
    bot_api.turn(match fate {
        Fate::After(_, weather) => weather,
        Fate::AtAMessage => Weather::Withheld,
    });
    let mut server = installation.serve().await;
    let mut clients = JoinSet::new();
    let mut shares: Vec<Vec<Job>> = (0..CLIENTS).map(|_| Vec::new()).collect();
    jobs.sort_by_key(|job| job.habit);
    for (number, job) in jobs.into_iter().enumerate() {
        shares[number % CLIENTS].push(job);
    }
    for share in shares {
        clients.spawn(ping_all(share, server.caller(key), StdRng::seed_from_u64(chance.random())));
    }
    match fate {
        Fate::After(life, _) => {
            let ended = tokio::time::timeout(life, server.ended()).await;
            assert!(ended.is_err(), "it ended by itself with {ended:?}:\n{}", server.logged.text());
        }
        Fate::AtAMessage => {
            bot_api.until_or_late(FOR_A_MESSAGE, |messages| messages.len() > before).await;
        }
    }
    server.kill().await;
    within(SOON, "the clients", clients.join_all()).await.into_iter().flatten().collect()
}

/// Pings for each job in turn, until nobody answers.
async fn ping_all(mut jobs: Vec<Job>, caller: Caller, mut chance: StdRng) -> Vec<Job> {
    loop {
        for job in &mut jobs {
            if job.ping(&caller, &mut chance).await == Line::Dead {
                return jobs;
            }
        }
    }
}

async fn assert_records(server: &Server, key: &str, jobs: &[Job]) {
    let wrong = wrong_records(jobs, &server.caller(key).monitors().await);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
