"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
document.getElementById("all").textContent = JSON.stringify(data, null, 2);
