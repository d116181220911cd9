/** Loads the whole package at once, and not its parts when they are used first. */
export {}
