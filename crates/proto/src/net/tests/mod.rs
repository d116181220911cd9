mod basics;
mod swarm;
mod world;
