//! The real program, started as people start it: what it prints, what it leaves, and how it ends.

mod accounts;
mod administer;
mod assistants;
mod desk;
mod explain;
mod logs;
mod program;
mod secrets;
mod serve;
mod server_logs;
mod words;
