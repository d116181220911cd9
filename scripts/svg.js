// The parts of an SVG that charts share.

/** @param {{ width: number, height: number, title: string }} size @param {string[]} parts */
exports.document = function document({ width, height, title }, parts) {
  const size = `width="${width}" height="${height}"`
  const style = 'font-family="sans-serif" font-size="11"'
  const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${style}>`
  const background = '<rect width="100%" height="100%" fill="#fff"/>'
  return [head, `<title>${escaped(title)}</title>`, background, ...parts, '</svg>', ''].join('\n')
}

exports.text = function text(x, y, content, anchor, color) {
  const place = `x="${x}" y="${y}" text-anchor="${anchor}" fill="${color}"`
  return `<text ${place}>${escaped(content)}</text>`
}

/** A horizontal line. */
exports.bar = function bar([from, to], y, color) {
  const ends = `x1="${from}" y1="${y}" x2="${to}" y2="${y}"`
  return `<line ${ends} stroke="${color}" stroke-width="3"/>`
}

exports.dot = function dot(x, y, color) {
  return `<circle cx="${x}" cy="${y}" r="4" fill="${color}"/>`
}

/** A vertical line. */
exports.rule = function rule(x, [from, to], color) {
  return `<line x1="${x}" y1="${from}" x2="${x}" y2="${to}" stroke="${color}"/>`
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
