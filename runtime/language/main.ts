import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { serve } from './server';

// The client chooses the transport: --node-ipc or --stdio.
serve(createConnection(ProposedFeatures.all));
