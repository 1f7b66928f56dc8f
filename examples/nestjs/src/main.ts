// A server of NestJS, compiled with decorator metadata: the controller gets its service by its type.

import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

@Injectable()
class Greeter {
  greet(): string {
    return `Hello from ${process.env['TSK_SERVICE'] ?? 'nobody'}.`;
  }
}

@Controller()
class PageController {
  constructor(private readonly greeter: Greeter) {}

  @Get()
  page(): string {
    return this.greeter.greet();
  }
}

@Module({ controllers: [PageController], providers: [Greeter] })
class AppModule {
  onModuleInit(): void {
    console.log('The greeter is ready.');
  }
}

const app = await NestFactory.create(AppModule);
await app.listen(process.env['PORT'] ?? 3000);
