// The goals as an SVG: how far each is reached, on a logarithmic scale. Right of the line at 1 it is
// met.

const { bar, document, dot, rule, text } = require('../../scripts/svg')
const { limit, measuredText } = require('./goals')

const LEFT = 270
const WIDTH = 460
const RIGHT = 230
const TOP = 40
const LINE = 18

const MET = '#0b6e4f'
const MISSED = '#b23a48'

/** @param {ReturnType<import('./goals').judge>} judged */
module.exports = function chart(judged) {
  const shown = judged.filter(({ measured }) => measured !== null)
  const height = TOP + shown.length * LINE + 20
  const marks = [0.25, 0.5, 1, 2, 4].flatMap(mark => [
    rule(x(mark), [TOP - 4, height - 14], mark === 1 ? '#000' : '#ddd'),
    text(x(mark), TOP - 10, `${mark}×`, 'middle', '#666')
  ])
  const title = 'How far the goals are reached'
  const head = text(
    LEFT,
    14,
    'median (dot) and range beside the goal; right is better',
    'start',
    '#000'
  )
  const lines = shown.flatMap((goal, i) => line(goal, TOP + i * LINE + 10))
  return document({ width: LEFT + WIDTH + RIGHT, height, title }, [head, ...marks, ...lines])
}

function line({ goal, must, aim, measured, met, aimed, unit }, y) {
  const [relation, wanted] = must || aim
  const reached = value => (relation === '≥' ? value / wanted : wanted / value)
  const color = met || (must === null && aimed) ? MET : MISSED
  const wants = limit(must || aim, unit)
  return [
    text(LEFT - 8, y + 4, goal, 'end', '#000'),
    bar([x(reached(measured.min)), x(reached(measured.max))], y, color),
    dot(x(reached(measured.median)), y, color),
    text(LEFT + WIDTH + 8, y + 4, `${measuredText(measured, unit)}, ${wants}`, 'start', color)
  ]
}

function x(value) {
  const [low, high] = [Math.log(LOWEST), Math.log(HIGHEST)]
  const share = (Math.log(Math.min(Math.max(value, LOWEST), HIGHEST)) - low) / (high - low)
  return (LEFT + share * WIDTH).toFixed(1)
}

const LOWEST = 0.2
const HIGHEST = 5
