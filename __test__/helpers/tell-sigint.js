// Preloaded into the command: says when SIGINT no longer just kills it, which no other line tells.

process.on('newListener', event => {
  if (event === 'SIGINT') process.nextTick(() => console.log('SIGINT is handled'))
})
