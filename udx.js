module.exports = require('./lib/udx/udx')
