//! `just simulate`: the simulation from the command line.
//!
//! Takes a seed and how much of it; prints what was done. If a world fails, its shortest story is told, and saved where
//! that is wanted; then the exit code is 1.

#![allow(clippy::print_stdout, reason = "what is asked for is printed")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chatledger_tests::simulation::chance::Chance;
use chatledger_tests::simulation::{Failure, Plan, Report, live, shortest, simulate, story, told, weather};
use chatledger_tests::world::mutation::Mutation;
use chatledger_tests::world::shared::{self, SharedBug};
use clap::Parser;

/// Many small worlds from one seed: the real pipeline and dispatcher on virtual time, simulated platforms, faults of every
/// kind.
#[derive(Parser, Debug)]
#[command(name = "simulate")]
struct Arguments {
    /// Where everything random comes from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many messages people write.
    #[arg(long, default_value_t = 100_000)]
    messages: u64,
    /// For so many hours, however many messages that are.
    #[arg(long)]
    hours: Option<f64>,
    /// On how many threads; one world is always on one.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Plants a bug (see --bugs).
    #[arg(long)]
    bug: Option<String>,
    /// Plants every bug in turn, and says after how many messages it was found.
    #[arg(long)]
    bugs: bool,
    /// One world only, by its own seed, told whole.
    #[arg(long)]
    world: Option<u64>,
    /// Instead: so many worlds of several engines on one log, frozen and killed.
    #[arg(long)]
    engines: Option<u64>,
    /// Where to save the shortest story of a failure: a folder that does not exist yet.
    #[arg(long)]
    story: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mutation = arguments.bug.as_deref().map(bug).transpose()?;
    if let Some(seed) = arguments.world {
        return Ok(tell(seed, mutation));
    }
    let plan = Plan {
        seed: arguments.seed,
        messages: if arguments.hours.is_some() { u64::MAX } else { arguments.messages },
        no_longer_than: arguments.hours.map(|hours| Duration::from_secs_f64(hours * 3600.0)),
        threads: arguments.threads,
        mutation,
    };
    if arguments.bugs || mutation.is_some() {
        // Whoever panics on account of a planted bug is expected to.
        std::panic::set_hook(Box::new(|_| {}));
    }
    if let Some(worlds) = arguments.engines {
        return Ok(share(arguments.seed, worlds));
    }
    if arguments.bugs {
        return Ok(plant_all(&plan));
    }
    let began = Instant::now();
    let report = simulate(&plan);
    print(&report, began.elapsed());
    match &report.failure {
        None => Ok(ExitCode::SUCCESS),
        Some(failure) => {
            explain(failure, mutation, arguments.story)?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn bug(name: &str) -> anyhow::Result<Mutation> {
    let known = Mutation::ALL.into_iter().find(|bug| bug.label() == name);
    known.ok_or_else(|| {
        let names: Vec<&str> = Mutation::ALL.into_iter().map(Mutation::label).collect();
        anyhow::anyhow!("there is no bug {name:?}; there are {}", names.join(", "))
    })
}

fn print(report: &Report, took: Duration) {
    let Report { worlds, messages, events, attempts, faults, .. } = report;
    let rate = *messages as f64 / took.as_secs_f64();
    println!(
        "{messages} messages in {worlds} worlds: {events} events, {attempts} attempts, in {:.1} s",
        took.as_secs_f64()
    );
    println!("{rate:.0} messages a second");
    for (what, times) in faults {
        println!("{times:>12}  {what}");
    }
}

fn explain(failure: &Failure, mutation: Option<Mutation>, folder: Option<PathBuf>) -> anyhow::Result<()> {
    let Failure { world, seed, complaint } = failure;
    println!("\nworld {world} (seed {seed}) failed: {complaint}");
    let script = shortest(failure, mutation);
    println!("the shortest script that does the same:\n{script:?}");
    let Some(ending) = told(&script, mutation) else {
        println!("it panics before it can be told");
        return Ok(());
    };
    println!("{}", ending.chronicle);
    if let Some(folder) = folder {
        let complaint = live(&script, mutation, true).complaint.unwrap_or_else(|| complaint.clone());
        story::save(&folder, &script, &ending, &complaint)?;
        println!("saved in {}", folder.display());
    }
    Ok(())
}

fn tell(seed: u64, mutation: Option<Mutation>) -> ExitCode {
    let script = weather::script(seed);
    println!("{script:?}");
    if let Some(ending) = told(&script, mutation) {
        println!("{}", ending.chronicle);
    }
    match live(&script, mutation, true).complaint {
        None => ExitCode::SUCCESS,
        Some(complaint) => {
            println!("{complaint}");
            ExitCode::FAILURE
        }
    }
}

/// Several engines on one log, world after world; then the bugs that are planted among them.
fn share(seed: u64, worlds: u64) -> ExitCode {
    let mut tally = BTreeMap::new();
    for world in 0..worlds {
        let told = shared::live(Chance::part(seed, world), None);
        if let Some(complaint) = told.complaint {
            println!("{}\nworld {world} of seed {seed} failed: {complaint}", told.chronicle);
            return ExitCode::FAILURE;
        }
        for (what, times) in told.tally {
            *tally.entry(what).or_insert(0_u64) += times;
        }
    }
    println!("{worlds} worlds of several engines");
    for (what, times) in tally {
        println!("{times:>12}  {what}");
    }
    let mut all_found = true;
    for bug in SharedBug::ALL {
        let lived = |world: &u64| shared::live(Chance::part(seed, *world), Some(bug)).complaint;
        let found = (0..worlds).find_map(|world| lived(&world).map(|complaint| (world, complaint.rule)));
        all_found &= found.is_some();
        match found {
            Some((world, rule)) => println!("{:<26} {:>8} worlds  {rule}", bug.label(), world + 1),
            None => println!("{:<26} not found", bug.label()),
        }
    }
    if all_found { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn plant_all(plan: &Plan) -> ExitCode {
    let mut all_found = true;
    for bug in Mutation::ALL {
        let report = simulate(&Plan { mutation: Some(bug), ..*plan });
        all_found &= report.failure.is_some();
        let found = report.failure.map_or("not found", |failure| failure.complaint.rule);
        println!("{:<26} {:>8} messages  {found}", bug.label(), report.messages);
    }
    if all_found { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
