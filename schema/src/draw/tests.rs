mod build;
mod golden;
mod public;
mod recusal;
mod sample;
mod selection;
mod tampering;
mod teams;
