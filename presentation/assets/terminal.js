// Comfort on the terminal.
'use strict'
