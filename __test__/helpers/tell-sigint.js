// Preloaded into the command: prints a line when the command handles SIGINT, which no other line
// tells.

process.on('newListener', event => {
  if (event === 'SIGINT') process.nextTick(() => console.log('SIGINT is handled'))
})
