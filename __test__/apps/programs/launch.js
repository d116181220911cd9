// Runs the program of an app in Bare, which has no flag to require a file before it.

require('./network')

Bare.argv.splice(1, 1)
import(Bare.argv[1])
