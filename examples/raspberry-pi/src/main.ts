// Blinks an LED, counts presses of a button, and shows the temperature on a page.

import { createServer } from 'node:http';
import { log, onShutdown } from 'tskrazy/app';
import { input, output } from 'tskrazy/app/gpio';
import { readTemperatures } from './temperatures.ts';

const led = output(17);
const button = input(27, { bias: 'pull-up', activeLow: true, debounceMs: 5 });
let presses = 0;

const blinking = setInterval(() => led.toggle(), 500);
onShutdown(() => {
  clearInterval(blinking);
  // Dark, whoever asks for the line next.
  led.write(false);
  for (const line of [led, button]) line.close();
});

const server = createServer((_request, response) => {
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(page());
});
server.listen(8080);
log.info('blinking', { led: `GPIO${led.bcm}`, button: `GPIO${button.bcm}` });

for await (const { value, lost } of button.edges({ of: 'rising' })) {
  presses += lost + (value ? 1 : 0);
  log.info('pressed', { presses });
}

function page(): string {
  const temperatures = readTemperatures().map(
    ({ name, celsius }) => `<li>${name}: ${celsius.toFixed(1)} °C</li>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="1">
<title>Garden</title>
<h1>The LED is ${led.read() ? 'on' : 'off'}</h1>
<p>The button was pressed ${presses} times${button.read() ? ', and is now' : ''}.</p>
<ul>${temperatures.join('')}</ul>
</html>
`;
}
