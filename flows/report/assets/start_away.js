// The start of the page for colleagues.

import { drawBoard, setUpBoard } from "./board.js";
import { drawChanges } from "./changes.js";
import { setUpPrint, setUpTheme } from "./dom.js";
import { drawToday } from "./today.js";
import { setUpView } from "./view.js";

function drawAway() {
  drawToday();
  drawBoard();
  drawChanges();
}

setUpTheme();
setUpPrint();
setUpBoard();
setUpView(drawAway);
drawAway();
document.documentElement.dataset.ready = "yes";
