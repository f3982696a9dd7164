//! The façade as an officer meets it: on real SQLite files, real keys, and every failure in between.

mod acts;
mod answers;
mod damage;
mod faces;
mod merging;
mod pages;
mod papers;
mod proposals;
mod recordings;
mod retention;
mod runs;
mod sealing;
mod syncing;
mod upgrade;
mod uploading;
