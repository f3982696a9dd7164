// Comfort in the console.
'use strict'
