mod alone;
mod basics;
mod swarm;
mod world;
