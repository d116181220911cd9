// The figures of several runs as one.

/** @typedef {{ median: number, min: number, max: number, count: number }} Summary */

/**
 * Runs that failed have no figure (null or undefined).
 *
 * @param {(number | null | undefined)[]} values
 * @returns {Summary | null} null without any figure
 */
exports.summary = function summary(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  if (sorted.length === 0) return null
  return { median: quantile(sorted, 0.5), min: sorted[0], max: sorted.at(-1), count: sorted.length }
}

/**
 * The ratio in each run, so that what disturbs a run disturbs both sides of it.
 *
 * @returns {Summary | null}
 */
exports.ratio = function ratio(values, base) {
  return exports.summary(values.map((value, run) => divided(value, base[run])))
}

/** A quantile of sorted values; between two of them it is as far from each as its part says. */
function quantile(sorted, part) {
  const at = (sorted.length - 1) * part
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return below + (above - below) * (at - Math.floor(at))
}

exports.quantile = quantile

function divided(value, base) {
  return Number.isFinite(value) && base > 0 ? value / base : null
}
